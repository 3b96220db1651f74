package stats

import (
	"millrace.dev/pkg/stream/control"
	"millrace.dev/services/doctor"
)

// orders is what operators have said, as it was last heard.
type orders struct {
	control.State
	// err says why it can't be heard now; State is then what was last known.
	err error
}

// addControl puts what operators said into the doctor's snapshot.
func (r reading) addControl(s *doctor.Snapshot) {
	switch {
	case r.orders == nil:
		s.Missing[doctor.PartControl] = "what operators have said has not been read yet"
	case r.orders.err != nil:
		s.Missing[doctor.PartControl] = r.orders.err.Error()
	default:
		s.Control = &doctor.Control{
			Pause: r.orders.Pause, Limits: r.orders.Limits, Keys: len(r.orders.Keys), Lost: r.orders.Lost,
		}
	}
}
