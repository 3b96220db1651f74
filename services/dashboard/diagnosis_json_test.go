package dashboard

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
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
	a = a.again(noon.Add(time.Second), status.New(codes.Unavailable, "connection refused"))
	a = a.again(noon.Add(5*time.Second), status.New(codes.Unavailable, "connection refused"))
	golden(t, "diagnosis_away.json", *a.render())
	golden(t, "diagnosis_never.json", *away{addr: "127.0.0.1:9000", cause: "it has not answered yet"}.render())
}

func TestStatusIsNeverOKByDefault(t *testing.T) {
	for st, want := range map[pb.Status]string{
		pb.Status_STATUS_OK: "ok", pb.Status_STATUS_WARN: "warn", pb.Status_STATUS_CRIT: "crit",
		pb.Status_STATUS_UNKNOWN: "unknown", pb.Status_STATUS_UNSPECIFIED: "unknown", pb.Status(99): "unknown",
	} {
		if got := statusName(st); got != want {
			t.Errorf("%v: %q, want %q", st, got, want)
		}
	}
}

// Stats that runs and refuses is not to be started: the services need the same key.
func TestDiagnosisOfStatsThatDenies(t *testing.T) {
	for code, remedy := range map[codes.Code]string{
		codes.Unauthenticated: "--internal-key", codes.PermissionDenied: "--internal-key", codes.Unavailable: "Start it",
	} {
		f := away{addr: "127.0.0.1:9000"}.again(noon, status.New(code, "because")).finding()
		if !strings.Contains(f.GetRemedy(), remedy) || (code != codes.Unavailable) != strings.Contains(f.GetTitle(), "denies") {
			t.Errorf("%v: %s; %s", code, f.GetTitle(), f.GetRemedy())
		}
	}
}
