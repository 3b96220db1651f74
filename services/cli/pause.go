package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"millrace.dev/pkg/stream/control"
)

// Pause stops intake on all gateways.
type Pause struct {
	Target `embed:""`
	Why    string `name:"why" env:"-" placeholder:"TEXT" help:"Why: recorded and shown, 200 characters at most."`

	Out io.Writer `kong:"-"`
}

// Help is what kong shows below the summary.
func (Pause) Help() string {
	return `All gateways follow within a second, and after any restart. New events are refused with "paused" (503 over HTTP), which
tells clients to try again; named sessions are not read, and lose nothing. What was taken before is stored and processed.

  millrace pause --why 'the warehouse is full'
  millrace resume`
}

// Run pauses and prints who did it: who came first, if it was paused for the same reason.
func (p Pause) Run(ctx context.Context) error {
	if err := checkWhy(p.Why); err != nil {
		return usage("%w", err)
	}
	var now inForce
	if err := p.tell(ctx, http.MethodPost, "/api/control/pause", why{p.Why}, &now); err != nil {
		return err
	}
	fmt.Fprintln(p.Out, now.intake())
	return nil
}

// Resume lets intake go on.
type Resume struct {
	Target `embed:""`
	Why    string `name:"why" env:"-" placeholder:"TEXT" help:"Why: recorded and shown, 200 characters at most."`

	Out io.Writer `kong:"-"`
}

// Run resumes.
func (r Resume) Run(ctx context.Context) error {
	if err := checkWhy(r.Why); err != nil {
		return usage("%w", err)
	}
	var now inForce
	if err := r.tell(ctx, http.MethodPost, "/api/control/resume", why{r.Why}, &now); err != nil {
		return err
	}
	fmt.Fprintln(r.Out, now.intake())
	return nil
}

// why is the body of a change that has nothing but a reason.
type why struct {
	Why string `json:"why,omitempty"`
}

// checkWhy says what is wrong with a reason before anybody is told, as the gateway would.
func checkWhy(text string) error {
	if err := control.CheckWhy(text); err != nil {
		return fmt.Errorf("--%w", err)
	}
	return nil
}

// inForce is what GET /api/control answers, as far as it is printed.
type inForce struct {
	Pause        *control.Change           `json:"pause"`
	Limits       map[control.Limit]float64 `json:"limits"`
	InForce      map[control.Limit]float64 `json:"in_force"`
	LimitsChange *control.Change           `json:"limits_change"`
	Lost         bool                      `json:"lost"`
}

// intake says whether events are taken.
func (f inForce) intake() string {
	if f.Pause == nil {
		return "intake goes on"
	}
	return "intake is paused " + since(*f.Pause)
}

func since(c control.Change) string {
	text := fmt.Sprintf("since %s by %s", c.At.Local().Format("2006-01-02 15:04:05 MST"), c.By)
	if c.Why != "" {
		text += ": " + c.Why
	}
	return text
}
