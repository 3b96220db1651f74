package doctor

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

// Any snapshot that can be read can be examined, to the same end each time, and can be written and read again.
func FuzzRead(f *testing.F) {
	for _, s := range []*Snapshot{healthy(), {}, {Taken: noon, Instances: []Instance{}, Pipelines: map[string]PipelineFigures{}, Buffers: []Buffer{}}} {
		b, err := json.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"taken":"2026-03-01T12:00:00Z","missing":{"survey":"x"},"probes":{"redis":{"Error":"x"},"":{}},"buffers":[{"size":9,"capacity":0}]}`))
	f.Add([]byte(`{"Survey":{"Partitions":[{"Number":-1,"Ledger":{"Pipelines":{"":{"Processed":18446744073709551615}}},"Groups":{"p":{"Gone":true}}}],"Taken":"2026-03-01T12:00:00Z"}}`))
	f.Add([]byte(`{"unknown":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		found := Examine(s, nil)
		for _, finding := range found {
			if finding.ID == "" || finding.Title == "" || finding.Status == OK {
				t.Fatalf("%s: %+v is found", b, finding)
			}
		}
		written, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("%s can't be written again: %v", b, err)
		}
		again, err := Read(bytes.NewReader(written))
		if err != nil {
			t.Fatalf("%s is written as %s, which can't be read: %v", b, written, err)
		}
		if other := Examine(again, nil); !reflect.DeepEqual(found, other) {
			t.Fatalf("%s: found %+v, and then %+v", b, found, other)
		}
	})
}
