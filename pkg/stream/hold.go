package stream

import "context"

// Hold waits for Redis, hands the stream over, and closes it when ctx ends. It is the form in which a process has the
// stream as one of its parts: that it was told to stop before Redis came is no error.
func Hold(ctx context.Context, c Config, opened func(*Stream)) error {
	s, err := Open(ctx, c)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil
	case err != nil:
		return err
	}
	defer s.Close()
	opened(s)
	<-ctx.Done()
	return nil
}
