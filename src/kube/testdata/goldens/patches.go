package main

import (
	"encoding/json"
	"fmt"
	"log"
	"math/rand"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

func decode(text string) any {
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		log.Fatalf("%s: %v", text, err)
	}
	return value
}

func mergePatches() []object {
	var out []object
	for _, row := range [][2]string{
		{`{}`, `{}`}, {`{"a":1}`, `{"a":2}`}, {`{"a":1}`, `{"b":2}`}, {`{"a":1,"b":2}`, `{"a":null}`}, {`{"a":1}`, `{"x":null}`},
		{`{"a":{"b":1,"c":2}}`, `{"a":{"b":null,"d":{"e":null,"f":1}}}`}, {`{"a":[1,2]}`, `{"a":[3]}`}, {`{"a":[1,2]}`, `{"a":{"b":1}}`},
		{`{"a":{"b":1}}`, `{"a":[{"c":null,"d":1},null]}`}, {`{}`, `{"a":[{"c":null,"d":1},null]}`}, {`{"a":1}`, `{"a":[{"c":null,"d":1},null]}`},
		{`{"a":[1]}`, `{"a":[{"c":null}]}`}, {`{"a":{"b":1}}`, `{"a":2}`}, {`{"a":2}`, `{"a":{"b":null,"c":1}}`}, {`{"a":null}`, `{"a":{"b":null}}`},
		{`{"a":{"b":{"c":{"d":1}}}}`, `{"a":{"b":{"c":{"e":2}}}}`}, {`{"a":{}}`, `{"a":{"b":{"c":null}}}`}, {`{"a":{"b":[]}}`, `{"a":{"b":null}}`},
	} {
		result, err := jsonpatch.MergePatch([]byte(row[0]), []byte(row[1]))
		if err != nil {
			log.Fatal(err)
		}
		out = append(out, object{"object": decode(row[0]), "patch": decode(row[1]), "result": decode(string(result))})
	}
	return out
}

func jsonPatches() []object {
	var out []object
	document := `{"a":{"b":1,"l":[1,2,3],"n":null},"s":"text","x/y":1,"m~n":2,"":3,"e":[],"d":{"k":[{"z":1}]}}`
	for _, patch := range []string{
		`[]`, `[{"op":"add","path":"/new","value":1}]`, `[{"op":"add","path":"/a/l/1","value":9}]`, `[{"op":"add","path":"/a/l/-","value":9}]`,
		`[{"op":"add","path":"/a/l/3","value":9}]`, `[{"op":"add","path":"/a/l/4","value":9}]`, `[{"op":"add","path":"/a/l/-1","value":9}]`, `[{"op":"add","path":"/a/l/-4","value":9}]`,
		`[{"op":"add","path":"/a/l/-5","value":9}]`, `[{"op":"add","path":"/a/l/x","value":9}]`, `[{"op":"add","path":"/a/l/01","value":9}]`, `[{"op":"add","path":"/a/l/+1","value":9}]`,
		`[{"op":"add","path":"/no/where","value":9}]`, `[{"op":"add","path":"/s/x","value":9}]`, `[{"op":"add","path":"/a/n/x","value":9}]`, `[{"op":"add","path":"","value":9}]`,
		`[{"op":"add","path":"/new"}]`, `[{"op":"add","path":"/x~1y","value":9}]`, `[{"op":"add","path":"/m~0n","value":9}]`, `[{"op":"add","path":"/m~2n","value":9}]`, `[{"op":"add","path":"/~01","value":9}]`,
		`[{"op":"add","path":"/","value":9}]`, `[{"op":"add","path":"junk/new","value":9}]`, `[{"op":"add","path":"new","value":9}]`, `[{"op":"add","value":9}]`,
		`[{"op":"remove","path":"/a"}]`, `[{"op":"remove","path":"/a/l/0"}]`, `[{"op":"remove","path":"/a/l/-1"}]`, `[{"op":"remove","path":"/a/l/3"}]`, `[{"op":"remove","path":"/a/l/-"}]`,
		`[{"op":"remove","path":"/none"}]`, `[{"op":"remove","path":"/a/none"}]`, `[{"op":"remove","path":"/none/x"}]`, `[{"op":"remove","path":"/a/n"}]`, `[{"op":"remove","path":""}]`, `[{"op":"remove","path":"/e/0"}]`,
		`[{"op":"replace","path":"/a/b","value":{"q":1}}]`, `[{"op":"replace","path":"/none","value":1}]`, `[{"op":"replace","path":"/a/l/2","value":1}]`, `[{"op":"replace","path":"/a/l/3","value":1}]`,
		`[{"op":"replace","path":"/a/l/-1","value":1}]`, `[{"op":"replace","path":"","value":{"z":1}}]`, `[{"op":"replace","path":"","value":1}]`, `[{"op":"replace","path":"/a/b"}]`, `[{"op":"replace","path":"/none/x","value":1}]`,
		`[{"op":"move","from":"/a/b","path":"/q"}]`, `[{"op":"move","from":"/a/l/0","path":"/a/l/-"}]`, `[{"op":"move","from":"/a","path":"/a/b"}]`, `[{"op":"move","from":"/none","path":"/q"}]`, `[{"op":"move","path":"/q"}]`,
		`[{"op":"move","from":"/a/l/0","path":"/a/l/2"}]`, `[{"op":"move","from":"/a","path":"/a"}]`, `[{"op":"move","from":"/a/n","path":"/q"}]`, `[{"op":"move","from":"","path":"/q"}]`,
		`[{"op":"copy","from":"/a","path":"/q"}]`, `[{"op":"copy","from":"/none","path":"/q"}]`, `[{"op":"copy","from":"/a/l/9","path":"/q"}]`, `[{"op":"copy","from":"/a","path":"/a/c"}]`, `[{"op":"copy","from":"/a/l/0","path":"/a/l/0"}]`, `[{"op":"copy","from":"","path":"/q"}]`,
		`[{"op":"copy","from":"/a/b","path":"/none/q"}]`, `[{"op":"test","path":"/a/b","value":1}]`, `[{"op":"test","path":"/a/b","value":2}]`, `[{"op":"test","path":"/a/l","value":[1,2,3]}]`, `[{"op":"test","path":"/a/l","value":[1,2]}]`,
		`[{"op":"test","path":"/d","value":{"k":[{"z":1}]}}]`, `[{"op":"test","path":"/d","value":{"k":[{"z":2}]}}]`, `[{"op":"test","path":"/none","value":null}]`, `[{"op":"test","path":"/none","value":1}]`, `[{"op":"test","path":"/a/n","value":null}]`,
		`[{"op":"test","path":"/a/n","value":0}]`, `[{"op":"test","path":"/s","value":"text"}]`, `[{"op":"test","path":"/s","value":null}]`, `[{"op":"test","path":"/a/l/0","value":1}]`, `[{"op":"test","path":"/a/l/7","value":1}]`,
		`[{"op":"test","path":"","value":{}}]`, `[{"op":"test","path":"/none/x","value":1}]`, `[{"op":"nothing","path":"/a"}]`, `[{"path":"/a"}]`, `[{}]`, `[null]`,
		`[{"op":"add","path":"/q","value":{}},{"op":"add","path":"/q/r","value":[]},{"op":"add","path":"/q/r/0","value":1},{"op":"move","from":"/q/r","path":"/t"}]`,
		`[{"op":"remove","path":"/s"},{"op":"remove","path":"/s"}]`, `[{"op":"add","path":"/d/k/0/y","value":2}]`, `[{"op":"add","path":"/d/k/-1/y","value":2}]`,
	} {
		row := object{"object": decode(document), "patch": decode(patch)}
		parsed, err := jsonpatch.DecodePatch([]byte(patch))
		if err != nil {
			log.Fatal(err)
		}
		result, err := parsed.Apply([]byte(document))
		if err != nil {
			row["error"] = err.Error()
		} else {
			row["result"] = decode(string(result))
		}
		out = append(out, row)
	}
	return out
}

// Thing has every strategy that Kubernetes' types have.
type Thing struct {
	Name     string            `json:"name,omitempty"`
	Value    string            `json:"value,omitempty"`
	Number   *int              `json:"number,omitempty"`
	Merged   []Thing           `json:"merged,omitempty" patchStrategy:"merge" patchMergeKey:"name"`
	Retained []Thing           `json:"retained,omitempty" patchStrategy:"merge,retainKeys" patchMergeKey:"name"`
	Numbered []Thing           `json:"numbered,omitempty" patchStrategy:"merge" patchMergeKey:"number"`
	Texts    []string          `json:"texts,omitempty" patchStrategy:"merge"`
	Numbers  []int             `json:"numbers,omitempty" patchStrategy:"merge"`
	Replaced []Thing           `json:"replaced,omitempty"`
	Plain    []string          `json:"plain,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Sub      *Thing            `json:"sub,omitempty"`
	Whole    *Thing            `json:"whole,omitempty" patchStrategy:"replace"`
	Kept     *Thing            `json:"kept,omitempty" patchStrategy:"retainKeys"`
}

func strategic(original, patch string) object {
	row := object{"object": decode(original), "patch": decode(patch)}
	result, err := strategicpatch.StrategicMergePatch([]byte(original), []byte(patch), Thing{})
	if err != nil {
		row["error"] = err.Error()
	} else {
		row["result"] = decode(string(result))
	}
	return row
}

func randomTexts(random *rand.Rand) []string {
	var out []string
	for _, at := range random.Perm(6)[:random.Intn(5)] {
		out = append(out, string(rune('a'+at)))
	}
	return out
}

func randomThings(random *rand.Rand, depth int, numbered bool) []Thing {
	var out []Thing
	for _, at := range random.Perm(5)[:random.Intn(4)] {
		thing := randomThing(random, depth-1)
		thing.Name = string(rune('a' + at))
		if numbered {
			number := at
			thing.Number = &number
		}
		out = append(out, thing)
	}
	return out
}

func randomThing(random *rand.Rand, depth int) Thing {
	var out Thing
	if random.Intn(2) == 0 {
		out.Value = fmt.Sprint(random.Intn(3))
	}
	if random.Intn(3) == 0 {
		number := random.Intn(3)
		out.Number = &number
	}
	if random.Intn(2) == 0 {
		out.Labels = map[string]string{}
		for _, key := range randomTexts(random) {
			out.Labels[key] = fmt.Sprint(random.Intn(3))
		}
	}
	if random.Intn(2) == 0 {
		out.Texts = randomTexts(random)
	}
	if random.Intn(3) == 0 {
		out.Plain = randomTexts(random)
	}
	if random.Intn(3) == 0 {
		out.Numbers = random.Perm(5)[:random.Intn(4)]
	}
	if depth <= 0 {
		return out
	}
	if random.Intn(2) == 0 {
		out.Merged = randomThings(random, depth, false)
	}
	if random.Intn(4) == 0 {
		out.Retained = randomThings(random, depth, false)
	}
	if random.Intn(4) == 0 {
		out.Numbered = randomThings(random, depth, true)
	}
	if random.Intn(4) == 0 {
		out.Replaced = randomThings(random, depth, false)
	}
	for _, place := range []**Thing{&out.Sub, &out.Whole, &out.Kept} {
		if random.Intn(3) == 0 {
			thing := randomThing(random, depth-1)
			*place = &thing
		}
	}
	return out
}

// As kubectl makes them, applied to an object that has changed meanwhile.
func randomStrategic() []object {
	random := rand.New(rand.NewSource(7))
	text := func(thing Thing) string {
		out, err := json.Marshal(thing)
		if err != nil {
			log.Fatal(err)
		}
		return string(out)
	}
	var out []object
	for len(out) < 120 {
		last, wanted, live := randomThing(random, 2), randomThing(random, 2), randomThing(random, 2)
		if random.Intn(2) == 0 {
			live = last
		}
		patch, err := strategicpatch.CreateTwoWayMergePatch([]byte(text(last)), []byte(text(wanted)), Thing{})
		if err != nil {
			log.Fatal(err)
		}
		if len(patch) < 500 && len(patch)+len(text(live)) < 900 {
			out = append(out, strategic(text(live), string(patch)))
		}
	}
	return out
}

func strategicPatches() []object {
	var out []object
	for _, row := range [][2]string{
		{`{}`, `{}`}, {`{"value":"a"}`, `{"value":"b"}`}, {`{"value":"a"}`, `{"value":null}`}, {`{}`, `{"value":null}`}, {`{"sub":{"value":"a"}}`, `{"sub":{"name":"b"}}`},
		{`{"sub":{"value":"a"}}`, `{"sub":{"$patch":"replace","name":"b"}}`}, {`{"sub":{"value":"a"}}`, `{"sub":{"$patch":"delete"}}`}, {`{}`, `{"sub":{"$patch":"delete"}}`}, {`{}`, `{"sub":{"$patch":"replace","name":"b"}}`},
		{`{"value":"a"}`, `{"$patch":"replace","name":"b"}`}, {`{"value":"a"}`, `{"$patch":"delete"}`}, {`{"value":"a"}`, `{"$patch":"other","name":"b"}`}, {`{"sub":{"value":"a"}}`, `{"sub":{"$patch":"merge","name":"b"}}`},
		{`{"whole":{"value":"a"}}`, `{"whole":{"name":"b"}}`}, {`{"merged":[{"name":"a","value":"1"},{"name":"b"}]}`, `{"merged":[{"name":"b","value":"2"},{"name":"c"}]}`},
		{`{"merged":[{"name":"a","value":"1"},{"name":"b"}]}`, `{"merged":[{"$patch":"delete","name":"a"}]}`}, {`{"merged":[{"name":"a"},{"name":"b"}]}`, `{"merged":[{"$patch":"replace"},{"name":"c"}]}`},
		{`{"merged":[{"name":"a"}]}`, `{"merged":[{"$patch":"delete"}]}`}, {`{"merged":[{"name":"a"}]}`, `{"merged":[{"$patch":"merge","name":"a"}]}`}, {`{"merged":[{"name":"a"}]}`, `{"merged":[{"$patch":"x","name":"a"}]}`},
		{`{"merged":[{"name":"a"}]}`, `{"merged":[{"value":"1"}]}`}, {`{"merged":[{"value":"1"}]}`, `{"merged":[{"name":"a"}]}`}, {`{"merged":[{"name":"a"}]}`, `{"merged":["x"]}`}, {`{"merged":[{"name":"a"}]}`, `{"merged":[["x"]]}`},
		{`{"merged":[{"name":"a"}]}`, `{"merged":null}`}, {`{"merged":[{"name":"a"}]}`, `{"merged":[]}`}, {`{}`, `{"merged":[{"$patch":"delete","name":"a"},{"name":"b","value":null,"sub":{"$patch":"delete"}}]}`},
		{`{"merged":[{"name":"a"}]}`, `{"merged":[{"name":"b","value":null}]}`}, {`{"merged":[{"name":"a","merged":[{"name":"x","value":"1"}]}]}`, `{"merged":[{"name":"a","merged":[{"name":"y"},{"name":"x","value":"2"}]}]}`},
		{`{"merged":[{"name":"a"},{"name":"b"},{"name":"c"}]}`, `{"$setElementOrder/merged":[{"name":"c"},{"name":"a"},{"name":"b"}]}`}, {`{"merged":[{"name":"a"},{"name":"s"},{"name":"b"}]}`, `{"$setElementOrder/merged":[{"name":"b"},{"name":"a"}],"merged":[{"name":"a","value":"1"}]}`},
		{`{"merged":[{"name":"a"}]}`, `{"$setElementOrder/merged":[{"name":"b"}],"merged":[{"name":"c"}]}`}, {`{"merged":[{"name":"a"}]}`, `{"$setElementOrder/merged":[{"name":"b"},{"name":"c"}],"merged":[{"name":"c"},{"name":"b"}]}`},
		{`{"merged":[{"name":"a"}]}`, `{"$setElementOrder/merged":"x"}`}, {`{"merged":[{"name":"a"}]}`, `{"$setElementOrder":[]}`}, {`{}`, `{"$setElementOrder/merged":[{"name":"b"},{"name":"a"}],"merged":[{"name":"b"},{"name":"a"}]}`}, {`{}`, `{"$setElementOrder/merged":[{"name":"b"}]}`},
		{`{"merged":[{"name":"a"},{"name":"b"}]}`, `{"$setElementOrder/merged":[{"name":"b"}],"merged":[{"$patch":"delete","name":"a"}]}`}, {`{"texts":["a","b","c"]}`, `{"texts":["d","b"]}`}, {`{"texts":["a","b","c"]}`, `{"$deleteFromPrimitiveList/texts":["b","x"]}`},
		{`{"texts":["a","b","c"]}`, `{"$deleteFromPrimitiveList/texts":["b"],"$setElementOrder/texts":["d","c","a"],"texts":["d"]}`}, {`{"texts":["a"]}`, `{"$deleteFromPrimitiveList":["a"]}`}, {`{}`, `{"$deleteFromPrimitiveList/texts":["a"]}`}, {`{"texts":["a","a","b"]}`, `{"texts":["b","c"]}`},
		{`{"numbers":[1,2]}`, `{"numbers":[3,1]}`}, {`{"texts":["a"]}`, `{"texts":[1]}`}, {`{"plain":["a","b"]}`, `{"plain":["c"]}`}, {`{"replaced":[{"name":"a"}]}`, `{"replaced":[{"name":"b"}]}`}, {`{"labels":{"a":"1","b":"2"}}`, `{"labels":{"a":null,"c":"3"}}`},
		{`{"kept":{"value":"a","name":"b"}}`, `{"kept":{"$retainKeys":["name"],"name":"c"}}`}, {`{"kept":{"value":"a","name":"b"}}`, `{"kept":{"$retainKeys":["value"],"name":"c"}}`}, {`{"kept":{"value":"a"}}`, `{"kept":{"$retainKeys":"x"}}`}, {`{"retained":[{"name":"a","value":"1","number":2}]}`, `{"retained":[{"name":"a","$retainKeys":["name","number"],"number":3}]}`},
		{`{"sub":{"value":"a"}}`, `{"sub":null}`}, {`{"sub":{"value":"a"}}`, `{"sub":{"sub":{"sub":{"value":null,"name":"x"}}}}`}, {`{"value":"a"}`, `{"value":{"x":null}}`}, {`{"sub":{"value":"a"}}`, `{"sub":["x",{"y":null}]}`}, {`{"numbered":[{"number":1,"value":"a"}]}`, `{"numbered":[{"number":1,"value":"b"},{"number":2}]}`},
	} {
		out = append(out, strategic(row[0], row[1]))
	}
	return append(out, randomStrategic()...)
}
