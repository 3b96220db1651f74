package gateway

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/control"
)

// controls is what operators say, as this gateway has heard it, and the handlers by which they say it. Its functions
// are set before run and register.
type controls struct {
	log *slog.Logger
	// who names the credential of a request.
	who func(*http.Request) string
	// onChange, if set, hears every state, on run's goroutine: before it is what state returns, and before a handler
	// answers that it is in force.
	onChange func(control.State)
	// flags are the limits that this gateway has without those that are set at run time.
	flags map[control.Limit]float64
	// every is how often it is looked for news; 0: control.Every.
	every time.Duration

	stream atomic.Pointer[stream.Stream] // nil: there is no Redis yet
	heard  atomic.Pointer[heard]
}

// heard is the latest state; next is closed when there is another.
type heard struct {
	control.State
	known bool
	next  chan struct{}
}

func newControls(log *slog.Logger) *controls {
	c := &controls{log: log, who: anonymousAt}
	c.heard.Store(&heard{next: make(chan struct{})})
	return c
}

// anonymousAt names who shows no credential.
func anonymousAt(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	return "anonymous@" + host
}

// state is what holds now. Until run has called ready it is the zero State, which does not mean that nobody has said
// anything.
func (c *controls) state() control.State { return c.heard.Load().State }

// run follows what operators say until ctx ends. It calls ready when it knows what they have said so far: who lets
// clients in before that opens doors that may be closed. While Redis fails the last state stays in force.
func (c *controls) run(ctx context.Context, s *stream.Stream, ready func()) {
	c.stream.Store(s)
	every := c.every
	if every == 0 {
		every = control.Every
	}
	failing := false
	for state, err := range control.Watch(ctx, s, every) {
		if err != nil {
			failing = true
			c.log.Warn("what operators say can't be heard; what they said last stays in force", "error", err)
			continue
		}
		if failing {
			failing = false
			c.log.Info("hearing again what operators say")
		}
		c.hear(state)
		ready()
	}
}

// hear puts a state in force.
func (c *controls) hear(state control.State) {
	last := c.heard.Load()
	if last.known && state.Version != last.Version || state.Lost && !last.Lost {
		c.tell(state)
	}
	c.tellOfKeys(last.State, state)
	if c.onChange != nil {
		c.onChange(state)
	}
	c.heard.Store(&heard{State: state, known: true, next: make(chan struct{})})
	close(last.next)
}

// tell says in the log what is new.
func (c *controls) tell(state control.State) {
	if state.Lost {
		c.log.Error("Redis has lost what operators said; what is remembered of it stays in force here until it is said anew",
			"paused", state.Pause != nil, "limits", len(state.Limits), "keys", len(state.Keys))
	}
	if state.Version > 0 && len(state.Log) > 0 {
		c.log.Info("an operator made a change", "what", state.Log[0].What, "by", state.Log[0].By, "why", state.Log[0].Why)
	}
}

// inForceTimeout bounds how long an answer waits until this gateway has heard what was changed.
const inForceTimeout = time.Second

// await returns when a version is in force here, so that who has an answer finds it so. If that takes too long the
// answer goes out all the same: the change is in Redis.
func (c *controls) await(ctx context.Context, version uint64) {
	ctx, cancel := context.WithTimeout(ctx, inForceTimeout)
	defer cancel()
	for h := c.heard.Load(); h.Version < version; h = c.heard.Load() {
		select {
		case <-h.next:
		case <-ctx.Done():
			return
		}
	}
}

// controlReport answers GET /api/control, and every change but those of keys.
type controlReport struct {
	Version      uint64                    `json:"version"`
	Paused       bool                      `json:"paused"`
	Pause        *control.Change           `json:"pause"`
	Limits       map[control.Limit]float64 `json:"limits"`   // set at run time
	InForce      map[control.Limit]float64 `json:"in_force"` // with those of this gateway's flags
	LimitsChange *control.Change           `json:"limits_change"`
	Lost         bool                      `json:"lost"`
	Log          []control.Change          `json:"log"`
}

func (c *controls) report() controlReport {
	state := c.state()
	r := controlReport{
		Version: state.Version, Paused: state.Pause != nil, Pause: state.Pause, Limits: map[control.Limit]float64{},
		InForce: map[control.Limit]float64{}, LimitsChange: state.LimitsChange, Lost: state.Lost, Log: []control.Change{},
	}
	maps.Copy(r.Limits, state.Limits)
	maps.Copy(r.InForce, c.flags)
	maps.Copy(r.InForce, state.Limits)
	r.Log = append(r.Log, state.Log...)
	return r
}
