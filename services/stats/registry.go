package stats

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

const (
	// downAfter is how long an instance may be silent and still counts as up: three reports of one second.
	downAfter = 3 * time.Second
	// mostInstances bounds the instances known at a time.
	mostInstances = 1000
	// mostSeries bounds the series of an instance; what is beyond adds up in one overflow series a metric.
	mostSeries = 2000
	// remembered is how far back reports are kept: the longest window over them, and a report more.
	remembered = 12 * time.Second
)

// Registry knows who reports, and the newest report of each. It is pure: every time is an argument, and one goroutine
// uses it at a time.
type Registry struct {
	instances map[string]*member
	// gone are the latest that were forgotten: if one is only back from a long outage, it goes on where it was.
	gone map[string]*member
	// retired are the figures of lives that are over.
	retired Totals
	forget  time.Duration
}

// Totals are the counters of all instances that ever reported, also of those that are gone: they never step back. What
// stats itself has not seen, because it was not there, is not in them.
type Totals map[Series]float64

// Instance is one process that reports.
type Instance struct {
	ID, Service, Version, DebugAddr string
	// Started is by the instance's clock, Reported, when its newest report came, by ours.
	Started, Reported time.Time
	// Up is false after three missed reports.
	Up bool
	// Last is its newest report with figures.
	Last *Report
	// trail are the reports of the last seconds, oldest first, each with the time at which it came.
	trail []received
}

// received is a report with the time at which it came, by this process's clock.
type received struct {
	at     time.Time
	report *Report
}

type member struct {
	last  *Report
	heard time.Time
	trail []received
}

// NewRegistry returns a registry that forgets an instance when it has been silent for that long.
func NewRegistry(forget time.Duration) *Registry {
	return &Registry{
		instances: map[string]*member{}, gone: map[string]*member{}, retired: Totals{}, forget: forget,
	}
}

// Apply takes a report that came at now, and says whether it was news: not one of an earlier life of the instance, or
// older than what is known of it, or of one instance too many.
func (r *Registry) Apply(now time.Time, rep Report) (fresh bool) {
	m := r.find(rep.Instance)
	if m == nil {
		return false
	}
	if m.last == nil {
		m.take(now, rep)
		return true
	}
	if rep.Started.IsZero() { // it does not tell; then it is the life that we know
		rep.Started = m.last.Started
	}
	switch {
	case rep.Started.Before(m.last.Started):
		return false
	case rep.Started.After(m.last.Started):
		r.retired.add(m.last)
		*m = member{}
	case !rep.At.IsZero() && !rep.At.After(m.last.At):
		return false
	}
	m.take(now, rep)
	return true
}

// find returns what is known of an instance, or a place for a new one; nil when there are too many.
func (r *Registry) find(id string) *member {
	m, known := r.instances[id]
	if known || len(r.instances) >= mostInstances {
		return m
	}
	m, back := r.gone[id]
	if !back {
		m = &member{}
	}
	delete(r.gone, id)
	r.instances[id] = m
	return m
}

// take makes a report the newest of its instance.
func (m *member) take(now time.Time, rep Report) {
	m.heard = now
	if rep.At.IsZero() && m.last != nil { // a sign of life, no figures
		return
	}
	rep = bounded(rep)
	if len(rep.Deltas) > 0 {
		rep = accumulated(rep, m.last)
	}
	m.last = &rep
	m.trail = append(m.trail, received{now, &rep})
	for len(m.trail) > 1 && now.Sub(m.trail[1].at) >= remembered {
		m.trail = m.trail[1:]
	}
}

// Expire forgets the instances that have been silent for long, and keeps their totals.
func (r *Registry) Expire(now time.Time) {
	for id, m := range r.instances {
		if now.Sub(m.heard) >= r.forget {
			m.trail = nil
			r.gone[id] = m
			delete(r.instances, id)
		}
	}
	for len(r.gone) > mostInstances {
		r.retire()
	}
}

// retire gives up the one that has been gone for longest.
func (r *Registry) retire() {
	oldest := ""
	for id, m := range r.gone {
		if oldest == "" || m.heard.Before(r.gone[oldest].heard) {
			oldest = id
		}
	}
	r.retired.add(r.gone[oldest].last)
	delete(r.gone, oldest)
}

// Instances returns who is known, by service and id.
func (r *Registry) Instances(now time.Time) []Instance {
	all := make([]Instance, 0, len(r.instances))
	for id, m := range r.instances {
		all = append(all, Instance{
			ID: id, Service: m.last.Service, Version: m.last.Version, DebugAddr: m.last.DebugAddr,
			Started: m.last.Started, Reported: m.heard, Up: now.Sub(m.heard) <= downAfter,
			Last: m.last, trail: slices.Clone(m.trail),
		})
	}
	slices.SortFunc(all, func(a, b Instance) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// Totals adds up what all instances counted.
func (r *Registry) Totals() Totals {
	t := maps.Clone(r.retired)
	for _, m := range r.instances {
		t.add(m.last)
	}
	for _, m := range r.gone {
		t.add(m.last)
	}
	return t
}

func (t Totals) add(rep *Report) {
	for s, v := range rep.Sums {
		t[s] += v
	}
}

// accumulated adds what a report says was added to what was known before, series by series.
func accumulated(rep Report, before *Report) Report {
	if before == nil {
		return rep
	}
	sums, histograms := maps.Clone(before.Sums), maps.Clone(before.Histograms)
	for s, v := range rep.Sums {
		if rep.Deltas[s] {
			v += sums[s]
		}
		sums[s] = v
	}
	for s, h := range rep.Histograms {
		if rep.Deltas[s] {
			h = histograms[s].Add(h)
		}
		histograms[s] = h
	}
	rep.Sums, rep.Histograms = sums, histograms
	return rep
}
