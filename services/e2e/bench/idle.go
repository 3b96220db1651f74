package main

import (
	"context"
	"fmt"

	"millrace.dev/services/e2e/socket"
)

// measureIdle opens connections that send one event each and then nothing, and looks at the memory of a gateway that has
// had no others: what those leave behind would be taken for room.
func measureIdle(ctx context.Context, o options, k kind) error {
	p, err := startPipeline(ctx, o.bin, o.policies[0])
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.get(ctx, "/debug/memory"); err != nil { // which collects garbage first
		return err
	}
	before := resident(p.pid("gateway"))
	frame := socket.Frame(socket.Text, []byte(eventText))
	for range o.idle {
		s, err := p.dial(ctx, k)
		if err != nil {
			return err
		}
		defer s.Close()
		if _, err := s.Write(frame); err != nil {
			return err
		}
		if m, err := s.Message(); err != nil {
			return fmt.Errorf("waiting for an ack, got %q: %w", m, err)
		}
	}
	asItStands := resident(p.pid("gateway"))
	if err := p.get(ctx, "/debug/memory"); err != nil {
		return err
	}
	collected := resident(p.pid("gateway"))
	per := func(n int64) float64 { return float64(n-before) / float64(o.idle) / 1024 }
	fmt.Printf("memory per idle connection, %d %s ones, plain TCP: %.1f KiB as it stands, %.1f KiB after a collection\n",
		o.idle, k, per(asItStands), per(collected))
	return nil
}
