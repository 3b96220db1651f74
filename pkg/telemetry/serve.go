package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	// finishFor is how long requests under way may take once the server stops.
	finishFor = 2 * time.Second
	// abortFor is how long they may take beyond that to see that their context is cancelled.
	abortFor = time.Second
)

// Serve answers HTTP on ln until ctx ends: then nothing new is taken, requests under way get 2 s to finish, their
// contexts are cancelled, and after another second their connections are cut. It closes ln. It is for the small
// servers of debug calls, whose answers take long (a profile: 60 s) but whose requests are short. Nil log: slog's
// default.
func Serve(ctx context.Context, ln net.Listener, h http.Handler, log *slog.Logger) error {
	if log == nil {
		log = slog.Default()
	}
	alive, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	server := &http.Server{
		Handler:           h,
		BaseContext:       func(net.Listener) context.Context { return alive },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      90 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { stopped <- drain(server, cancel) })
	err := server.Serve(ln)
	if stop() { // ctx has not ended: Serve failed by itself
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	}
	return <-stopped
}

func drain(s *http.Server, cancel context.CancelFunc) error {
	if shutdown(s, finishFor) == nil {
		return nil
	}
	cancel()
	if shutdown(s, abortFor) == nil {
		return nil
	}
	return s.Close()
}

func shutdown(s *http.Server, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return s.Shutdown(ctx)
}
