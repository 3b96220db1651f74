package stats

import (
	"time"

	"millrace.dev/pkg/telemetry"
	"millrace.dev/services/doctor"
)

// This file is what gateways turn away, and why, as the doctor sees it.

// refusals are those of the gateways that are up.
func (v view) refusals() []doctor.Refusals {
	all := []doctor.Refusals{}
	for _, i := range v.instances {
		if !i.Up || i.Service != "gateway" {
			continue
		}
		reason := func(s Series) string { return s.attr(telemetry.AttrReason) }
		hindered := func(outcome string) func(Series) string {
			return func(s Series) string {
				if s.attr(telemetry.AttrOutcome) != outcome {
					return ""
				}
				return reason(s)
			}
		}
		accepted, _ := i.growth(v.now, telemetry.MetricAccepted)
		dropped, _ := i.growth(v.now, telemetry.MetricDropped)
		all = append(all, doctor.Refusals{
			Instance: i.ID, AcceptedPerSecond: accepted, DroppedPerSecond: dropped,
			Rejected: i.growthBy(v.now, telemetry.MetricRejected, reason),
			Held:     i.growthBy(v.now, telemetry.MetricHindered, hindered("held")),
			DryRun:   i.growthBy(v.now, telemetry.MetricHindered, hindered("dry_run")),
		})
	}
	return all
}

// growthBy is by how much the series of a counter grew a second within the last 5 s, by what of says of each; "" is
// left out. What did not grow, or is not known to, is not in it.
func (i Instance) growthBy(now time.Time, name string, of func(Series) string) map[string]float64 {
	base, known := i.before(now, rateWindow)
	if !known || base == nil {
		return nil
	}
	seconds := i.Last.At.Sub(base.At).Seconds()
	if seconds <= 0 {
		return nil
	}
	all := map[string]float64{}
	for s, total := range i.Last.Sums {
		if s.Name != name || total <= base.Sums[s] {
			continue
		}
		if reason := of(s); reason != "" {
			all[reason] += (total - base.Sums[s]) / seconds
		}
	}
	return all
}

// gates are those of the gateways that are up.
func (v view) gates() []doctor.Gate {
	all := []doctor.Gate{}
	for _, i := range v.instances {
		if !i.Up {
			continue
		}
		for _, reason := range []string{doctor.GateOperator, doctor.GateDurability, doctor.GateAdmission} {
			of := func(s Series) bool { return s.attr(telemetry.AttrReason) == reason }
			if level, reported := sum(i.Last.Gauges, telemetry.MetricGate, of); reported {
				all = append(all, doctor.Gate{Instance: i.ID, Reason: reason, Level: int(min(max(level, 0), 2))})
			}
		}
	}
	return all
}
