package dashboard

import (
	"context"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "millrace.dev/proto/gen/millrace/v1"
)

// findingStatsAway is the id of the finding that stats cannot be reached. It is the doctor's: it is found here
// because who would report it is the one that is away.
const findingStatsAway = "MR-STATS-001"

// raiseAfter is the number of bad samples in a row that raise the finding; one good one clears it.
const raiseAfter = 2

// diagnose asks stats once a second what the doctor found, until ctx ends.
func (d *Dashboard) diagnose(ctx context.Context, service pb.StatsServiceClient) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	a := away{addr: d.config.StatsAddr}
	for ctx.Err() == nil {
		a = d.askDiagnosis(ctx, service, a)
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// askDiagnosis asks once. It stores the answer, or, when none came for the second time, that stats is away.
func (d *Dashboard) askDiagnosis(ctx context.Context, service pb.StatsServiceClient, a away) away {
	call, cancel := context.WithTimeout(d.authorized(ctx), 2*interval)
	defer cancel()
	answer, err := service.Diagnose(call, &pb.DiagnoseRequest{})
	now := time.Now()
	switch {
	case err == nil:
		if a.failures >= raiseAfter {
			d.config.Log.InfoContext(ctx, "stats answers again", "addr", a.addr, "away", now.Sub(a.since).Round(time.Millisecond))
		}
		body := renderDiagnosis(answer.GetDiagnosis())
		d.diagnosis.Store(&body)
		return away{addr: a.addr, answered: now}
	case ctx.Err() != nil: // this side is stopping
		return a
	}
	a = a.again(now, status.Convert(err))
	if a.failures == raiseAfter {
		d.config.Log.WarnContext(ctx, "stats cannot be reached", "finding", findingStatsAway, "addr", a.addr, "error", err)
	}
	if a.failures >= raiseAfter {
		d.diagnosis.Store(a.render())
	}
	return a
}

// away is what is known about the absence of stats.
type away struct {
	addr     string
	failures int       // in a row
	since    time.Time // the first of them
	answered time.Time // the last answer before; zero: never
	now      time.Time
	cause    string // as the last failure said
	denied   bool   // it answered, and did not let this gateway ask
}

func (a away) again(now time.Time, why *status.Status) away {
	if a.failures == 0 {
		a.since = now
	}
	a.failures, a.now, a.cause = a.failures+1, now, why.Message()
	a.denied = why.Code() == codes.Unauthenticated || why.Code() == codes.PermissionDenied
	return a
}

// render is the diagnosis without stats: nothing is known, and why.
func (a away) render() *[]byte {
	body := renderDiagnosis(&pb.Diagnosis{
		Time:     stamp(a.now),
		Status:   pb.Status_STATUS_UNKNOWN,
		Findings: []*pb.Finding{a.finding()},
	})
	return &body
}

func (a away) finding() *pb.Finding {
	f := a.silence()
	if a.denied {
		f.Title = "The stats service denies this gateway access"
		f.Cause = "Stats asks for a key, as it does once there are any, and this gateway shows none, or another. Events are taken, stored and processed without it."
		f.Remedy = "Start gateways, workers and stats with the same --internal-key (MILLRACE_INTERNAL_KEY)."
	}
	return f
}

func (a away) silence() *pb.Finding {
	return &pb.Finding{
		Id:      findingStatsAway,
		Subject: a.addr,
		Status:  pb.Status_STATUS_UNKNOWN,
		Title:   "The stats service cannot be reached",
		Symptom: "No answer from " + a.addr + a.forHowLong() + ": " + a.figures() + ".",
		Loss:    "nothing",
		Cause:   "The stats service is not running, is somewhere else, or the way to it is cut. Events are taken, stored and processed without it.",
		Evidence: []*pb.Fact{
			{Name: "address", Value: a.addr},
			{Name: "failed calls in a row", Value: strconv.Itoa(a.failures)},
			{Name: "last error", Value: a.cause},
			{Name: "last answer", Value: a.lastAnswer()},
		},
		Remedy: "Start it (bin/stats, or docker compose up -d stats), or say where it is with --stats-addr.",
		Link:   "docs/troubleshooting.md#" + findingStatsAway,
		Since:  stamp(a.since),
	}
}

func (a away) forHowLong() string {
	if a.since.IsZero() {
		return " yet"
	}
	return " for " + a.now.Sub(a.since).Round(time.Second).String()
}

// figures says what the figures on the page are worth.
func (a away) figures() string {
	if a.answered.IsZero() {
		return "no figures have arrived"
	}
	return "the figures shown are the last ones that arrived"
}

func (a away) lastAnswer() string {
	if a.answered.IsZero() {
		return "never"
	}
	return a.answered.UTC().Format(time.RFC3339)
}

// stamp is the protobuf form of t; a zero t is not known.
func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
