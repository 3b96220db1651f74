package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sync/errgroup"

	"millrace.dev/pkg/client"
)

// publish reads all files and hands their lines to the client.
func (s Send) publish(ctx context.Context, c *client.Client, t *tally) error {
	encode := asEvent()
	if s.Type != "" {
		encode = asData(s.Type)
	}
	files := s.Files
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, name := range files {
		in, err := s.open(name)
		if err != nil {
			return err
		}
		err = publishLines(ctx, c, t, in, encode, s.Frame)
		if err = errors.Join(err, in.Close()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (s Send) open(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(s.In), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, usage("%v", err)
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, errors.Join(usage("%s is a folder, not a file", name), f.Close())
	}
	return f, nil
}

// publishLines reads on one goroutine and frames on another, so that a frame can go when lines come slowly. (A
// read of standard input can't be interrupted: when ctx ends first, the reader is left to the end of the process.)
func publishLines(ctx context.Context, c *client.Client, t *tally, in io.Reader, encode encoder, most int) error {
	events := make(chan []byte, 4*most)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(events)
		return readEvents(ctx, in, encode, t, events)
	})
	g.Go(func() error {
		return frameEvents(ctx, func(ctx context.Context, json []byte, events int) error {
			return c.PublishFrame(ctx, json, events, t.decide)
		}, events, most)
	})
	return g.Wait()
}

// readEvents turns lines into events.
func readEvents(ctx context.Context, in io.Reader, encode encoder, t *tally, events chan<- []byte) error {
	lines := newLineReader(in)
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, errLong) {
			return err
		}
		t.line()
		var e []byte
		if err == nil {
			e, err = encode(nil, line)
		}
		if err == nil && len(e) > longestEvent {
			err = fmt.Errorf("as an event longer than %d bytes", longestEvent)
		}
		if err != nil {
			t.skip(lines.n, err)
			continue
		}
		select {
		case events <- e:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// frameEvents gathers events into arrays: full ones when they come fast, small ones at once when they come slowly.
func frameEvents(ctx context.Context, publish publisher, events <-chan []byte, most int) error {
	var f framing
	for e := range events {
		if f.events > 0 && len(f.json)+len(e) > frameBytes { // so a long one goes alone, and fits
			if err := f.publish(ctx, publish); err != nil {
				return err
			}
		}
		f.add(e)
		if f.events < most && len(events) > 0 {
			continue
		}
		if err := f.publish(ctx, publish); err != nil {
			return err
		}
	}
	if f.events > 0 {
		return f.publish(ctx, publish)
	}
	return ctx.Err()
}

// publisher takes a frame: (*client.Client).PublishFrame, with a tally of what becomes of it.
type publisher func(ctx context.Context, json []byte, events int) error

// framing is an array of events that is being written.
type framing struct {
	json   []byte
	events int
}

func (f *framing) add(e []byte) {
	if f.events == 0 {
		f.json = append(make([]byte, 0, 4<<10), '[')
	} else {
		f.json = append(f.json, ',')
	}
	f.json = append(f.json, e...)
	f.events++
}

// publish hands the array on and begins another.
func (f *framing) publish(ctx context.Context, publish publisher) error {
	whole := *f
	*f = framing{}
	return publish(ctx, append(whole.json, ']'), whole.events)
}
