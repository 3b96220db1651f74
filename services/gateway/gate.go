package gateway

import (
	"sync"
	"sync/atomic"
	"time"

	"millrace.dev/pkg/event"
	"millrace.dev/services/gateway/limit"
)

// gate keeps everybody out for now, whoever they are: because an operator paused intake, because the stream is too far
// behind, or because Redis can't give the durability that was asked for. It also sets the pace at which all together
// are let in while the stream is behind, but not too far.
type gate struct {
	// shut is why nothing is taken; nil: the gate is open. Read for each frame.
	shut atomic.Pointer[event.Refusal]
	// pace lets in so many events a second; nil: all.
	pace atomic.Pointer[limit.Pace]

	mu      sync.Mutex
	reasons [reasonCount]*event.Refusal
	// changed is closed and replaced whenever who waits should look again.
	changed chan struct{}
	// tell, if set, hears of every change of shut.
	tell func(shut *event.Refusal)
}

// reason is who shuts the gate; the first one that does is told to clients.
type reason int

const (
	byOperator reason = iota
	byDurability
	byAdmission
	reasonCount
)

// reasonNames are the reasons in figures.
var reasonNames = [reasonCount]string{byOperator: "operator", byDurability: "durability", byAdmission: "admission"}

// tryAgain is when a client that is refused for a while may try again.
const tryAgain = time.Second

func newGate() *gate { return &gate{changed: make(chan struct{})} }

// set shuts the gate for a reason, or takes that reason away (nil).
func (g *gate) set(r reason, why *event.Refusal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reasons[r] = why
	var shut *event.Refusal
	for _, each := range g.reasons {
		if each != nil {
			shut = each
			break
		}
	}
	before := g.shut.Swap(shut)
	if before == shut || before != nil && shut != nil && before.Code == shut.Code {
		return // why may be said in other words: with another age, each second
	}
	g.look()
	if g.tell != nil {
		g.tell(shut)
	}
}

// setPace lets all together in at that rate; 0 is no bound.
func (g *gate) setPace(now time.Time, perSecond float64) {
	switch p := g.pace.Load(); {
	case perSecond == 0 && p == nil:
		return
	case perSecond == 0:
		g.pace.Store(nil)
	case p == nil:
		g.pace.Store(limit.NewPace(perSecond))
	default:
		p.Set(now, perSecond)
	}
	g.again()
}

// again makes everybody who waits look again.
func (g *gate) again() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.look()
}

func (g *gate) look() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// change is closed at the next change.
func (g *gate) change() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.changed
}

// level is how much a reason keeps out, as MetricGate says it.
func (g *gate) level(r reason) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.reasons[r] != nil:
		return 2
	case r == byAdmission && g.pace.Load() != nil:
		return 1
	}
	return 0
}
