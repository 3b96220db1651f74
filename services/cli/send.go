package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"millrace.dev/pkg/client"
)

// Send sends lines as events, in order, and ends when every one is durable or refused.
type Send struct {
	Target   `embed:""`
	Type     string        `name:"type" help:"Each line becomes the data of an event of this type. Without it each line is an event."`
	Frame    int           `name:"frame" default:"100" help:"Most events in a frame."`
	Quiet    bool          `name:"quiet" short:"q" help:"No progress line."`
	Patience time.Duration `name:"patience" default:"15s" help:"How long nothing may be processed before the rest counts as missing."`
	Files    []string      `arg:"" optional:"" help:"Files to send (- or none: standard input)."`

	In       io.Reader `kong:"-"`
	Out, Err io.Writer `kong:"-"`
}

// frameBytes is how many bytes of lines go into a frame: well under what a gateway takes.
const frameBytes = 256 << 10

// Validate is called by kong.
func (s Send) Validate() error {
	if s.Frame < 1 || s.Frame > 1000 {
		return fmt.Errorf("--frame: %d is not within 1..1000", s.Frame)
	}
	return nil
}

// Run sends and prints what became of it. It fails if a line was refused or is missing in the ledger. A key that may
// publish and not read is enough: then nothing is compared.
func (s Send) Run(ctx context.Context) error {
	before, unknown := s.now(ctx, answerTimeout)
	if unknown != nil && !errors.Is(unknown, errNoTotals) && !errors.Is(unknown, errNotAllowed) {
		return unknown
	}
	t := &tally{out: s.Err}
	err := s.send(ctx, t)
	fmt.Fprintln(s.Out, t)
	t.showLosses()
	if err != nil {
		return err
	}
	if unknown != nil {
		fmt.Fprintln(s.Err, "not compared with the ledger:", unknown)
		return t.verdict()
	}
	return errors.Join(s.compare(ctx, s.Out, run{before, t.stored(), s.Type}, s.Patience), t.verdict())
}

// send brings all lines to the gateway.
func (s Send) send(ctx context.Context, t *tally) error {
	c, err := client.New(client.Config{
		URL: s.webSocket(), Key: s.Key, Lost: t.lose,
	})
	if err != nil {
		return usage("--url: %v", err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.Run(ctx) })
	g.Go(func() error { return progress(ctx, s.Err, s.Quiet, t.String) })
	g.Go(func() error {
		defer stop()
		if err := s.publish(ctx, c, t); err != nil {
			return err
		}
		return c.Close(ctx)
	})
	if err := g.Wait(); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	return nil
}
