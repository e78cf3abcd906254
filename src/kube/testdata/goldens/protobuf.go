package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"reflect"
	"sort"
	"strings"

	batch "k8s.io/api/batch/v1"
	coordination "k8s.io/api/coordination/v1"
	core "k8s.io/api/core/v1"
	events "k8s.io/api/events/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
)

// The kinds whose protobuf is read.
var protobufKinds = []any{
	core.ConfigMap{}, core.Event{}, core.Namespace{}, core.Pod{}, core.Secret{}, core.Service{},
	core.ServiceAccount{}, batch.Job{}, coordination.Lease{}, events.Event{}, meta.DeleteOptions{},
}

// Types that are written otherwise than as their fields.
func isPlain(t reflect.Type) bool {
	switch t.Name() {
	case "Time", "MicroTime", "Quantity", "IntOrString", "FieldsV1":
		return true
	}
	return t.Kind() != reflect.Struct
}

// k8s.io/api/core/v1.Pod: io.k8s.api.core.v1.Pod, its name in OpenAPI.
func component(t reflect.Type) string {
	path := strings.TrimPrefix(t.PkgPath(), "k8s.io/")
	return "io.k8s." + strings.ReplaceAll(path, "/", ".") + "." + t.Name()
}

// "5 hostPort?": number 5, and a zero stands for nothing. "2 +": the fields of another message.
func collect(t reflect.Type, rows map[string][]string) {
	name := component(t)
	if _, seen := rows[name]; seen {
		return
	}
	rows[name] = nil
	fields := map[int]string{}
	for i := 0; i < t.NumField(); i++ {
		field := t.Field(i)
		tag := strings.Split(field.Tag.Get("protobuf"), ",")
		if len(tag) < 2 {
			continue
		}
		var number int
		fmt.Sscan(tag[1], &number)
		inner := field.Type
		isPointer := inner.Kind() == reflect.Pointer
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice || inner.Kind() == reflect.Map {
			inner = inner.Elem()
		}
		label := strings.Split(field.Tag.Get("json"), ",")
		text := label[0]
		if text == "" {
			text = "+" + component(inner)
		} else if inner == field.Type && !isPointer && len(label) > 1 && isPlain(inner) {
			text += "?"
		}
		fields[number] = fmt.Sprintf("%d %s", number, text)
		if !isPlain(inner) {
			collect(inner, rows)
		}
	}
	numbers := []int{}
	for number := range fields {
		numbers = append(numbers, number)
	}
	sort.Ints(numbers)
	for _, number := range numbers {
		rows[name] = append(rows[name], fields[number])
	}
}

// The table of src/kube/rest/protobuf_fields.cc, between its braces.
func writeProtobufFields(path string) {
	rows := map[string][]string{}
	for _, kind := range protobufKinds {
		collect(reflect.TypeOf(kind), rows)
	}
	names := []string{}
	for name := range rows {
		names = append(names, name)
	}
	sort.Strings(names)
	var out strings.Builder
	for _, name := range names {
		fmt.Fprintf(&out, "    {%q,\n", name)
		line := ""
		for _, field := range rows[name] {
			if len(line)+len(field) > 80 {
				fmt.Fprintf(&out, "     %q\n", line+" ")
				line = ""
			}
			if line != "" {
				line += " "
			}
			line += field
		}
		fmt.Fprintf(&out, "     %q},\n", line)
	}
	if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
		log.Fatal(err)
	}
}

var protobufObjects = []string{
	`{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"a","labels":{"x":"y"},"creationTimestamp":"2024-01-02T03:04:05Z"},"spec":{"backoffLimit":0,"suspend":false,"parallelism":3,"template":{"metadata":{},"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i","command":["sh","-c"],"resources":{"limits":{"cpu":"500m","memory":"1Gi"}},"env":[{"name":"A","value":"1"},{"name":"B","valueFrom":{"configMapKeyRef":{"name":"m","key":"k","optional":false}}}],"livenessProbe":{"httpGet":{"path":"/","port":"http"},"periodSeconds":5},"volumeMounts":[{"name":"v","mountPath":"/v"}]}],"volumes":[{"name":"v","configMap":{"name":"m","defaultMode":420}},{"name":"e","emptyDir":{}}]}}},"status":{}}`,
	`{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"ports":[{"name":"http","protocol":"TCP","port":80,"targetPort":8080},{"name":"named","port":81,"targetPort":"web"}],"selector":{"app":"s"},"type":"ClusterIP"},"status":{"loadBalancer":{}}}`,
	`{"apiVersion":"v1","kind":"Event","metadata":{"name":"e","namespace":"n"},"involvedObject":{"kind":"Pod","name":"p"},"reason":"Tested","message":"m","source":{"component":"c"},"firstTimestamp":"2024-01-02T03:04:05Z","lastTimestamp":"2024-01-02T03:04:06Z","count":2,"type":"Normal","eventTime":"2024-01-02T03:04:05.123456Z","reportingComponent":"r","reportingInstance":"i"}`,
	`{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"l"},"spec":{"holderIdentity":"h","leaseDurationSeconds":15,"acquireTime":"2024-01-02T03:04:05.000001Z","leaseTransitions":0}}`,
	`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","finalizers":["a.io/b"],"ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"u","controller":true}]},"data":{"a":"/wA="},"immutable":false,"type":"Opaque"}`,
	`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","managedFields":[{"manager":"m","operation":"Update","apiVersion":"v1","time":"2024-01-02T03:04:05Z","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{}}}]},"spec":{"containers":[{"name":"c","resources":{},"ports":[{"containerPort":80,"protocol":"TCP"}]}],"tolerations":[{"operator":"Exists","tolerationSeconds":-1}],"securityContext":{"runAsUser":0,"runAsNonRoot":false}},"status":{}}`,
	`{"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0,"preconditions":{"uid":"u"},"propagationPolicy":"Foreground"}`,
}

// Objects as JSON, and the bytes that Kubernetes' library makes of them.
func protobufs() []object {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{core.AddToScheme, batch.AddToScheme, coordination.AddToScheme} {
		if err := add(scheme); err != nil {
			log.Fatal(err)
		}
	}
	meta.AddToGroupVersion(scheme, core.SchemeGroupVersion)
	serializer := protobuf.NewSerializer(scheme, scheme)
	rows := []object{}
	for _, text := range protobufObjects {
		var kind meta.TypeMeta
		if err := json.Unmarshal([]byte(text), &kind); err != nil {
			log.Fatal(err)
		}
		made, err := scheme.New(kind.GroupVersionKind())
		if err != nil {
			log.Fatal(err)
		}
		if err := json.Unmarshal([]byte(text), made); err != nil {
			log.Fatal(err)
		}
		var bytes strings.Builder
		if err := serializer.Encode(made, &bytes); err != nil {
			log.Fatal(err)
		}
		var plain any
		printed, _ := json.Marshal(made)
		_ = json.Unmarshal(printed, &plain)
		rows = append(rows, object{"object": plain, "hex": hex.EncodeToString([]byte(bytes.String()))})
	}
	return rows
}

