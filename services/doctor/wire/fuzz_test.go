package wire

import (
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	pb "millrace.dev/proto/gen/millrace/v1"
	"millrace.dev/services/doctor"
)

// A diagnosis of any stats, a newer one too, is read, and is the same when it is passed on.
func FuzzFromProto(f *testing.F) {
	full, err := proto.Marshal(ToProto(doctor.Diagnosis{Time: time.Unix(1, 2), Status: doctor.Crit, Rules: 3, Findings: []doctor.Finding{{
		ID: "MR-REDIS-001", Subject: "count", Status: doctor.Warn, Title: "t", Symptom: "s", Cause: "c", Remedy: "r", Link: "l",
		Evidence: []doctor.Fact{{Name: "n", Value: "v"}}, RuledOut: []doctor.Ruling{{ID: "i", Reason: "r"}}, Since: time.Unix(9, 9),
	}}}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full)
	f.Add([]byte{})
	f.Add([]byte{0x10, 0x63, 0x1a, 0x02, 0x18, 0x07})
	f.Fuzz(func(t *testing.T, b []byte) {
		var m pb.Diagnosis
		if proto.Unmarshal(b, &m) != nil {
			return
		}
		d := FromProto(&m)
		if again := FromProto(ToProto(d)); !reflect.DeepEqual(again, d) {
			t.Fatalf("%x is read as %+v, and passed on as %+v", b, d, again)
		}
	})
}
