package main

import (
	"encoding/json"
	"fmt"
	"log"
	"math/rand"
	"sort"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/structured-merge-diff/v4/fieldpath"
)

// A type with every kind of list and map. src/kube/apply_patch_test.cc has the same.
const thingSchemas = `{
  "Thing":{"type":"object","x-kubernetes-group-version-kind":[{"group":"x.dev","version":"v1","kind":"Thing"}],"properties":{
    "apiVersion":{"type":"string"},"kind":{"type":"string"},"metadata":{"$ref":"#/definitions/Meta"},
    "spec":{"$ref":"#/definitions/Spec"},"status":{"$ref":"#/definitions/Spec"}}},
  "Meta":{"type":"object","properties":{
    "name":{"type":"string"},"namespace":{"type":"string"},"uid":{"type":"string"},"resourceVersion":{"type":"string"},"creationTimestamp":{"type":"string"},
    "labels":{"type":"object","additionalProperties":{"type":"string"}},"annotations":{"type":"object","additionalProperties":{"type":"string"}},
    "finalizers":{"type":"array","items":{"type":"string"},"x-kubernetes-list-type":"set"},
    "managedFields":{"type":"array","items":{"type":"object","x-kubernetes-preserve-unknown-fields":true},"x-kubernetes-list-type":"atomic"}}},
  "Spec":{"type":"object","properties":{
    "value":{"type":"string"},"number":{"type":"integer"},"other":{"type":"string"},
    "texts":{"type":"array","items":{"type":"string"},"x-kubernetes-list-type":"set"},
    "plain":{"type":"array","items":{"type":"string"},"x-kubernetes-list-type":"atomic"},
    "labels":{"type":"object","additionalProperties":{"type":"string"}},
    "whole":{"type":"object","additionalProperties":{"type":"string"},"x-kubernetes-map-type":"atomic"},
    "items":{"type":"array","items":{"$ref":"#/definitions/Item"},"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"]},
    "ports":{"type":"array","items":{"$ref":"#/definitions/Port"},"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["port","protocol"]},
    "parts":{"type":"object","additionalProperties":{"$ref":"#/definitions/Item"}},
    "sub":{"$ref":"#/definitions/Item"}}},
  "Item":{"type":"object","properties":{"name":{"type":"string"},"value":{"type":"string"},"number":{"type":"integer"},
    "texts":{"type":"array","items":{"type":"string"},"x-kubernetes-list-type":"set"}}},
  "Port":{"type":"object","properties":{"port":{"type":"integer"},"protocol":{"type":"string","default":"TCP"},"name":{"type":"string"}}}
}`

type fakes struct{}

func (fakes) New(kind schema.GroupVersionKind) (runtime.Object, error) {
	out := &unstructured.Unstructured{Object: map[string]any{}}
	out.SetGroupVersionKind(kind)
	return out, nil
}
func (fakes) Convert(in, out, context any) error { return nil }
func (fakes) ConvertToVersion(in runtime.Object, _ runtime.GroupVersioner) (runtime.Object, error) {
	return in, nil
}
func (fakes) ConvertFieldLabel(_ schema.GroupVersionKind, _, _ string) (string, string, error) {
	return "", "", nil
}
func (fakes) Default(in runtime.Object) {}

func converter(typed bool) managedfields.TypeConverter {
	if !typed {
		return managedfields.NewDeducedTypeConverter()
	}
	schemas := map[string]*spec.Schema{}
	if err := json.Unmarshal([]byte(thingSchemas), &schemas); err != nil {
		log.Fatal(err)
	}
	out, err := managedfields.NewTypeConverter(schemas, false)
	if err != nil {
		log.Fatal(err)
	}
	return out
}

type step struct {
	op, manager, subresource string
	force                    bool
	object                   string
}

func parse(text string) *unstructured.Unstructured {
	out := map[string]any{}
	if err := utiljson.Unmarshal([]byte(text), &out); err != nil {
		log.Fatalf("%s: %v", text, err)
	}
	if out["apiVersion"] == nil {
		out["apiVersion"] = "x.dev/v1"
	}
	if out["kind"] == nil {
		out["kind"] = "Thing"
	}
	return &unstructured.Unstructured{Object: out}
}

func describe(row object, live runtime.Object) {
	one := live.DeepCopyObject().(*unstructured.Unstructured)
	managers := []object{}
	for _, entry := range one.GetManagedFields() {
		managers = append(managers, object{"manager": entry.Manager, "operation": string(entry.Operation), "subresource": entry.Subresource,
			"timed": entry.Time != nil, "fields": json.RawMessage(entry.FieldsV1.Raw)})
	}
	one.SetManagedFields(nil)
	row["live"] = one.Object
	row["managers"] = managers
}

func refusal(row object, err error) {
	row["error"] = err.Error()
	if status, ok := err.(*apierrors.StatusError); ok && status.ErrStatus.Details != nil {
		causes := []string{}
		for _, cause := range status.ErrStatus.Details.Causes {
			causes = append(causes, fmt.Sprintf("%s %s: %s", cause.Type, cause.Field, cause.Message))
		}
		sort.Strings(causes)
		row["causes"] = causes
	}
}

func run(typed bool, steps []step) object {
	kind := schema.GroupVersionKind{Group: "x.dev", Version: "v1", Kind: "Thing"}
	filters := func(filter fieldpath.Filter) map[fieldpath.APIVersion]fieldpath.Filter {
		return map[fieldpath.APIVersion]fieldpath.Filter{"x.dev/v1": filter}
	}
	whole := fieldpath.NewExcludeSetFilter(fieldpath.NewSet(fieldpath.MakePathOrDie("status")))
	status := fieldpath.NewExcludeSetFilter(fieldpath.NewSet(fieldpath.MakePathOrDie("spec"), fieldpath.MakePathOrDie("metadata"),
		fieldpath.MakePathOrDie("apiVersion"), fieldpath.MakePathOrDie("kind")))
	var live runtime.Object
	live, _ = fakes{}.New(kind)
	rows := []object{}
	for _, step := range steps {
		filter := whole
		if step.subresource == "status" {
			filter = status
		}
		manager, err := managedfields.NewDefaultFieldManager(converter(typed), fakes{}, fakes{}, fakes{}, kind, kind.GroupVersion(), step.subresource, filters(filter))
		if err != nil {
			log.Fatal(err)
		}
		row := object{"op": step.op, "manager": step.manager, "object": parse(step.object).Object}
		if step.subresource != "" {
			row["subresource"] = step.subresource
		}
		if step.force {
			row["force"] = true
		}
		var next runtime.Object
		if step.op == "apply" {
			next, err = manager.Apply(live.DeepCopyObject(), parse(step.object), step.manager, step.force)
		} else {
			next, err = manager.Update(live.DeepCopyObject(), parse(step.object), step.manager)
		}
		if err != nil {
			refusal(row, err)
		} else {
			live = next
			describe(row, live)
		}
		rows = append(rows, row)
	}
	return object{"typed": typed, "steps": rows}
}

func pick(random *rand.Rand, names ...string) []string {
	var out []string
	for _, at := range random.Perm(len(names))[:random.Intn(len(names)+1)] {
		out = append(out, names[at])
	}
	return out
}

func some(random *rand.Rand, out object, key string, value func() any) {
	if random.Intn(3) == 0 {
		out[key] = value()
	}
}

func texts(random *rand.Rand) any {
	out := []any{}
	for _, text := range pick(random, "a", "b", "c") {
		out = append(out, text)
	}
	return out
}

func item(random *rand.Rand) object {
	out := object{}
	some(random, out, "value", func() any { return fmt.Sprint(random.Intn(2)) })
	some(random, out, "number", func() any { return random.Intn(2) })
	some(random, out, "texts", func() any { return texts(random) })
	return out
}

func mapOf(random *rand.Rand, value func() any) object {
	out := object{}
	for _, key := range pick(random, "a", "b", "c") {
		out[key] = value()
	}
	return out
}

func randomSpec(random *rand.Rand) object {
	out := object{}
	text := func() any { return fmt.Sprint(random.Intn(2)) }
	some(random, out, "value", text)
	some(random, out, "number", func() any { return random.Intn(2) })
	some(random, out, "texts", func() any { return texts(random) })
	some(random, out, "plain", func() any { return texts(random) })
	some(random, out, "labels", func() any { return mapOf(random, text) })
	some(random, out, "whole", func() any { return mapOf(random, text) })
	some(random, out, "parts", func() any { return mapOf(random, func() any { return item(random) }) })
	some(random, out, "sub", func() any { return item(random) })
	some(random, out, "items", func() any {
		out := []any{}
		for _, name := range pick(random, "a", "b", "c") {
			one := item(random)
			one["name"] = name
			out = append(out, one)
		}
		return out
	})
	some(random, out, "ports", func() any {
		out := []any{}
		for _, protocol := range pick(random, "", "UDP") {
			one := object{"port": random.Intn(2)}
			if protocol != "" {
				one["protocol"] = protocol
			}
			out = append(out, one)
		}
		return out
	})
	return out
}

func randomSteps(random *rand.Rand) []step {
	var out []step
	for range 5 {
		one := object{"spec": randomSpec(random), "metadata": object{"name": "n"}}
		one["metadata"].(object)["labels"] = mapOf(random, func() any { return fmt.Sprint(random.Intn(2)) })
		if random.Intn(3) == 0 {
			one["status"] = randomSpec(random)
		}
		text, err := json.Marshal(one)
		if err != nil {
			log.Fatal(err)
		}
		step := step{op: "apply", manager: []string{"one", "two", "kubectl"}[random.Intn(3)], object: string(text), force: random.Intn(2) == 0}
		if random.Intn(4) == 0 {
			step.op, step.force = "update", false
		}
		if random.Intn(6) == 0 {
			step.subresource = "status"
		}
		out = append(out, step)
	}
	return out
}

func applies() []object {
	last := func(text string) string {
		out, _ := json.Marshal(parse(text).Object)
		quoted, _ := json.Marshal(string(out) + "\n")
		return string(quoted)
	}
	clientSide := `{"metadata":{"name":"n","annotations":{"kubectl.kubernetes.io/last-applied-configuration":` +
		last(`{"metadata":{"name":"n"},"spec":{"value":"a","number":1}}`) + `}},"spec":{"value":"a","number":1}}`
	many := []step{}
	for i := range 14 {
		many = append(many, step{op: "update", manager: fmt.Sprintf("m%02d", i), object: fmt.Sprintf(`{"spec":{"labels":{"k%02d":"x"%s}}}`, i, func() string {
			out := ""
			for j := range i {
				out += fmt.Sprintf(`,"k%02d":"x"`, j)
			}
			return out
		}())})
	}
	scripts := [][]step{
		{{op: "apply", manager: "one", object: `{"metadata":{"name":"n","labels":{"a":"1"}},"spec":{"value":"a"}}`},
			{op: "apply", manager: "two", object: `{"spec":{"value":"b"}}`}, {op: "apply", manager: "two", object: `{"spec":{"value":"a"}}`},
			{op: "apply", manager: "two", force: true, object: `{"spec":{"value":"b"}}`}, {op: "apply", manager: "one", object: `{"spec":{"value":"a"}}`},
			{op: "apply", manager: "two", object: `{}`}},
		{{op: "apply", manager: "one", object: `{"spec":{"value":"a","number":1,"labels":{"x":"1","y":"2"}}}`}, {op: "apply", manager: "one", object: `{"spec":{"labels":{"y":"2"}}}`},
			{op: "apply", manager: "one", object: `{"spec":{"labels":{"y":"2"}}}`}, {op: "apply", manager: "one", object: `{}`}},
		{{op: "update", manager: "u", object: `{"spec":{"value":"a","number":1}}`}, {op: "apply", manager: "one", object: `{"spec":{"value":"b","number":2}}`},
			{op: "apply", manager: "one", force: true, object: `{"spec":{"value":"b","number":2}}`}, {op: "update", manager: "u", object: `{"spec":{"value":"b","number":3}}`},
			{op: "apply", manager: "one", object: `{"spec":{"value":"b"}}`}, {op: "update", manager: "u", object: `{"spec":{"value":"b","number":3}}`}, {op: "update", manager: "v", object: `{}`}},
		{{op: "update", manager: "kubectl-client-side-apply", object: clientSide}, {op: "apply", manager: "kubectl", object: `{"metadata":{"name":"n"},"spec":{"value":"c","number":1}}`},
			{op: "apply", manager: "other", object: `{"spec":{"value":"d"}}`}, {op: "apply", manager: "kubectl", object: `{"metadata":{"name":"n"},"spec":{"value":"c"}}`}},
		{{op: "update", manager: "kubectl-client-side-apply", object: clientSide}, {op: "update", manager: "edit", object: `{"metadata":{"name":"n","annotations":{"kubectl.kubernetes.io/last-applied-configuration":` +
			last(`{"metadata":{"name":"n"},"spec":{"value":"a","number":1}}`) + `}},"spec":{"value":"z","number":1}}`}, {op: "apply", manager: "kubectl", object: `{"spec":{"value":"c","number":2}}`}},
		{{op: "update", manager: "s", subresource: "status", object: `{"status":{"value":"a"},"spec":{"value":"x"}}`}, {op: "apply", manager: "one", subresource: "status", object: `{"status":{"value":"b"}}`},
			{op: "apply", manager: "one", subresource: "status", force: true, object: `{"status":{"value":"b","number":1},"spec":{"value":"y"}}`}, {op: "apply", manager: "one", object: `{"spec":{"value":"z"}}`}},
		{{op: "apply", manager: "one", object: `{"spec":{"items":[{"name":"a","value":"1"},{"name":"b"}],"texts":["x","y"],"ports":[{"port":80,"name":"h"},{"port":80,"protocol":"UDP"}]}}`},
			{op: "apply", manager: "two", object: `{"spec":{"items":[{"name":"c"},{"name":"a","number":2}],"texts":["z","y"],"ports":[{"port":80,"protocol":"TCP"}]}}`},
			{op: "apply", manager: "one", object: `{"spec":{"items":[{"name":"b"}],"texts":["x"]}}`}, {op: "apply", manager: "two", object: `{"spec":{"items":[{"name":"a","value":"2"}]}}`}},
		{{op: "apply", manager: "one", object: `{"spec":{"items":[{"value":"1"}]}}`}, {op: "apply", manager: "one", object: `{"spec":{"items":[{"name":"a"},{"name":"a"}]}}`},
			{op: "apply", manager: "one", object: `{"spec":{"texts":["a","a"]}}`}, {op: "apply", manager: "one", object: `{"spec":{"texts":[null]}}`}, {op: "apply", manager: "one", object: `{"spec":{"items":[null]}}`}},
		{{op: "apply", manager: "one", object: `{"kind":"Other"}`}, {op: "apply", manager: "one", object: `{"apiVersion":"v1"}`}, {op: "apply", manager: "one", object: `{"metadata":{"managedFields":[{}]}}`}},
		{{op: "apply", manager: "one", object: `{"spec":{"whole":{"a":"1"},"plain":["a"]}}`}, {op: "apply", manager: "two", object: `{"spec":{"whole":{"b":"1"}}}`}, {op: "apply", manager: "two", object: `{"spec":{"plain":["b"]}}`},
			{op: "apply", manager: "two", force: true, object: `{"spec":{"plain":["b"],"whole":{"b":"1"}}}`}, {op: "apply", manager: "one", object: `{"spec":{}}`}},
		{{op: "apply", manager: "one", object: `{"spec":{"labels":{},"items":[],"sub":{}}}`}, {op: "apply", manager: "one", object: `{"spec":{"labels":null,"value":null}}`}, {op: "apply", manager: "two", object: `{"spec":{"sub":{"value":"1"}}}`}},
		{{op: "update", manager: "u", object: `{"metadata":{"name":"n","finalizers":["a","b"]},"spec":{"texts":["a","a"]}}`}, {op: "apply", manager: "one", object: `{"metadata":{"finalizers":["c"]},"spec":{"texts":["b"]}}`}, {op: "update", manager: "u", object: `{"metadata":{"finalizers":["c"]},"spec":{"texts":["b"]}}`}},
		{{op: "update", manager: "u", object: `{"spec":{"value":"a"}}`}, {op: "update", manager: "u", object: `{"spec":{"value":"b"},"metadata":{"managedFields":[{}]}}`}, {op: "apply", manager: "one", object: `{"spec":{"value":"c"}}`}},
		many,
	}
	var out []object
	for _, script := range scripts {
		out = append(out, run(true, script), run(false, script))
	}
	random := rand.New(rand.NewSource(11))
	for i := range 24 {
		out = append(out, run(i%4 != 3, randomSteps(random)))
	}
	return out
}
