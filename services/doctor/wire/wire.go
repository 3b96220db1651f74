// Package wire turns what the doctor found into millrace.v1 and back: for stats, which answers Diagnose with
// it, and for who asks.
package wire

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "millrace.dev/proto/gen/millrace/v1"
	"millrace.dev/services/doctor"
)

// ToProto is the message for a diagnosis.
func ToProto(d doctor.Diagnosis) *pb.Diagnosis {
	m := &pb.Diagnosis{Time: stamp(d.Time), Status: toStatus(d.Status), Rules: uint32(d.Rules)}
	for _, f := range d.Findings {
		m.Findings = append(m.Findings, toFinding(f))
	}
	return m
}

// FromProto is the diagnosis in a message.
func FromProto(m *pb.Diagnosis) doctor.Diagnosis {
	d := doctor.Diagnosis{Time: moment(m.GetTime()), Status: fromStatus(m.GetStatus()), Rules: int(m.GetRules())}
	for _, f := range m.GetFindings() {
		d.Findings = append(d.Findings, fromFinding(f))
	}
	return d
}

func toFinding(f doctor.Finding) *pb.Finding {
	m := &pb.Finding{
		Id: f.ID, Subject: f.Subject, Status: toStatus(f.Status), Title: f.Title, Symptom: f.Symptom,
		Loss: string(f.Loss), Cause: f.Cause, Remedy: f.Remedy, Link: f.Link, SkippedBy: f.SkippedBy, Since: stamp(f.Since),
	}
	for _, e := range f.Evidence {
		m.Evidence = append(m.Evidence, &pb.Fact{Name: e.Name, Value: e.Value})
	}
	for _, r := range f.RuledOut {
		m.RuledOut = append(m.RuledOut, &pb.Ruling{Id: r.ID, Reason: r.Reason})
	}
	return m
}

func fromFinding(m *pb.Finding) doctor.Finding {
	f := doctor.Finding{
		ID: m.GetId(), Subject: m.GetSubject(), Status: fromStatus(m.GetStatus()), Title: m.GetTitle(), Symptom: m.GetSymptom(),
		Loss: doctor.Loss(m.GetLoss()), Cause: m.GetCause(), Remedy: m.GetRemedy(), Link: m.GetLink(),
		SkippedBy: m.GetSkippedBy(), Since: moment(m.GetSince()),
	}
	for _, e := range m.GetEvidence() {
		f.Evidence = append(f.Evidence, doctor.Fact{Name: e.GetName(), Value: e.GetValue()})
	}
	for _, r := range m.GetRuledOut() {
		f.RuledOut = append(f.RuledOut, doctor.Ruling{ID: r.GetId(), Reason: r.GetReason()})
	}
	return f
}

func toStatus(s doctor.Status) pb.Status {
	switch s {
	case doctor.OK:
		return pb.Status_STATUS_OK
	case doctor.Warn:
		return pb.Status_STATUS_WARN
	case doctor.Crit:
		return pb.Status_STATUS_CRIT
	default:
		return pb.Status_STATUS_UNKNOWN
	}
}

// fromStatus is unknown for what is not set and for what only a newer stats knows.
func fromStatus(s pb.Status) doctor.Status {
	switch s {
	case pb.Status_STATUS_OK:
		return doctor.OK
	case pb.Status_STATUS_WARN:
		return doctor.Warn
	case pb.Status_STATUS_CRIT:
		return doctor.Crit
	default:
		return doctor.Unknown
	}
}

func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func moment(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}
