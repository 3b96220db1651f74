package dashboard

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "millrace.dev/proto/gen/millrace/v1"
)

func TestDiagnosisJSON(t *testing.T) {
	for name, d := range map[string]*pb.Diagnosis{
		"ok": {Time: timestamppb.New(noon), Status: pb.Status_STATUS_OK, Rules: 5},
		"crit": {
			Time: timestamppb.New(noon), Status: pb.Status_STATUS_CRIT, Rules: 5,
			Findings: []*pb.Finding{{
				Id: "MR-REDIS-001", Subject: "redis", Status: pb.Status_STATUS_CRIT, Title: "Redis can't be reached",
				Symptom: "No answer for 4 s.", Loss: "delayed", Cause: "It was stopped.",
				Evidence: []*pb.Fact{{Name: "error", Value: "connection refused"}},
				RuledOut: []*pb.Ruling{{Id: "MR-REDIS-002", Reason: "memory is at 3 %"}},
				Remedy:   "Start it.", Link: "docs/troubleshooting.md#MR-REDIS-001", Since: timestamppb.New(noon),
			}, {Id: "MR-LAG-001", Status: pb.Status_STATUS_UNKNOWN, SkippedBy: "MR-REDIS-001"}},
		},
	} {
		t.Run(name, func(t *testing.T) { golden(t, "diagnosis_"+name+".json", renderDiagnosis(d)) })
	}
}

func TestDiagnosisAwayJSON(t *testing.T) {
	a := away{addr: "127.0.0.1:9000", answered: noon}
	a = a.again(noon.Add(time.Second), "connection refused")
	a = a.again(noon.Add(5*time.Second), "connection refused")
	golden(t, "diagnosis_away.json", *a.render())
	golden(t, "diagnosis_never.json", *away{addr: "127.0.0.1:9000", cause: "it has not answered yet"}.render())
}

func TestStatusIsNeverOKByDefault(t *testing.T) {
	for status, want := range map[pb.Status]string{
		pb.Status_STATUS_OK: "ok", pb.Status_STATUS_WARN: "warn", pb.Status_STATUS_CRIT: "crit",
		pb.Status_STATUS_UNKNOWN: "unknown", pb.Status_STATUS_UNSPECIFIED: "unknown", pb.Status(99): "unknown",
	} {
		if got := statusName(status); got != want {
			t.Errorf("%v: %q, want %q", status, got, want)
		}
	}
}
