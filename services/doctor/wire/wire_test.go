package wire_test

import (
	"reflect"
	"testing"
	"time"

	pb "millrace.dev/proto/gen/millrace/v1"
	"millrace.dev/services/doctor"
	"millrace.dev/services/doctor/wire"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestThereAndBack(t *testing.T) {
	want := doctor.Diagnosis{
		Time: noon, Status: doctor.Crit, Rules: 7,
		Findings: []doctor.Finding{
			{
				ID: "MR-LAG-001", Subject: "count", Status: doctor.Crit, Title: "t", Symptom: "s", Loss: doctor.Delayed, Cause: "c",
				Evidence: []doctor.Fact{{Name: "n", Value: "v"}}, RuledOut: []doctor.Ruling{{ID: "MR-REDIS-001", Reason: "r"}},
				Remedy: "m", Link: "l", Since: noon.Add(-time.Minute),
			},
			{ID: "MR-BUFFER-001", Status: doctor.Warn, SkippedBy: "MR-REDIS-001"},
			{Status: doctor.OK},
			{Status: doctor.Unknown},
		},
	}
	if got := wire.FromProto(wire.ToProto(want)); !reflect.DeepEqual(got, want) {
		t.Errorf("there and back:\n%+v\nwas\n%+v", got, want)
	}
}

// A field that is added to the finding must be carried too: a finding with all fields set has them all on the wire.
func TestEveryFieldIsCarried(t *testing.T) {
	f := doctor.Finding{
		ID: "1", Subject: "2", Status: doctor.Warn, Title: "3", Symptom: "4", Loss: "5", Cause: "6", Remedy: "7", Link: "8", SkippedBy: "9",
		Evidence: []doctor.Fact{{Name: "n", Value: "v"}}, RuledOut: []doctor.Ruling{{ID: "i", Reason: "r"}}, Since: noon,
	}
	for v, i := reflect.ValueOf(f), 0; i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("this test does not set %s", v.Type().Field(i).Name)
		}
	}
	m := wire.ToProto(doctor.Diagnosis{Findings: []doctor.Finding{f}}).Findings[0].ProtoReflect()
	for i := range m.Descriptor().Fields().Len() {
		if field := m.Descriptor().Fields().Get(i); !m.Has(field) {
			t.Errorf("%s is not carried", field.Name())
		}
	}
}

func TestWhatIsNotKnownIsUnknown(t *testing.T) {
	for _, d := range []doctor.Diagnosis{
		wire.FromProto(nil),
		wire.FromProto(&pb.Diagnosis{Status: 99}),
		wire.FromProto(wire.ToProto(doctor.Diagnosis{})),
	} {
		if d.Status != doctor.Unknown || !d.Time.IsZero() {
			t.Errorf("status %q at %v, want unknown at no time", d.Status, d.Time)
		}
	}
}
