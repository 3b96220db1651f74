package main

import (
	"context"
	"fmt"
)

// measureIdle opens connections that send one event each and then nothing, and looks at the gateway's memory.
func measureIdle(ctx context.Context, o options, p *pipeline) error {
	if err := p.get(ctx, "/debug/memory"); err != nil { // which collects garbage first
		return err
	}
	before := resident(p.pid("gateway"))
	frame := frameOf(1, []byte(eventText))
	for range o.idle {
		s, err := dial(ctx, p.http)
		if err != nil {
			return err
		}
		defer s.conn.Close()
		if _, err := s.conn.Write(frame); err != nil {
			return err
		}
		if m, err := s.read(); err != nil {
			return fmt.Errorf("waiting for an ack, got %q: %w", m, err)
		}
	}
	asItStands := resident(p.pid("gateway"))
	if err := p.get(ctx, "/debug/memory"); err != nil {
		return err
	}
	collected := resident(p.pid("gateway"))
	per := func(n int64) float64 { return float64(n-before) / float64(o.idle) / 1024 }
	fmt.Printf("memory per idle connection, %d of them, plain TCP: %.1f KiB as it stands, %.1f KiB after a collection\n",
		o.idle, per(asItStands), per(collected))
	return nil
}
