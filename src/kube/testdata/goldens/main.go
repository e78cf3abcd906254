// Writes what Kubernetes' own libraries make of the inputs below, for the unit tests of src/kube:
//
//	go run . FOLDER
package main

import (
	"bytes"
	"encoding/json"
	"log"
	"os"
	"path/filepath"
)

type object = map[string]any

func write(folder, name string, rows []object) {
	var out bytes.Buffer
	out.WriteString("[\n")
	for i, row := range rows {
		var line bytes.Buffer
		encoder := json.NewEncoder(&line)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(row); err != nil {
			log.Fatal(err)
		}
		out.Write(bytes.TrimSpace(line.Bytes()))
		if i+1 < len(rows) {
			out.WriteByte(',')
		}
		out.WriteByte('\n')
	}
	out.WriteString("]\n")
	if err := os.WriteFile(filepath.Join(folder, name), out.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

func main() {
	folder := os.Args[1]
	write(folder, "quantities.json", quantities())
	write(folder, "label_selectors.json", labelSelectors())
	write(folder, "field_selectors.json", fieldSelectors())
	write(folder, "names.json", names())
	write(folder, "quotes.json", quotes())
	write(folder, "merge_patches.json", mergePatches())
	write(folder, "json_patches.json", jsonPatches())
	write(folder, "strategic_patches.json", strategicPatches())
	write(folder, "applies.json", applies())
	write(folder, "protobufs.json", protobufs())
	writeProtobufFields(filepath.Join(folder, "protobuf_fields.txt"))
}
