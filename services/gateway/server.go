package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/event"
	"millrace.dev/pkg/telemetry"
)

// What a client may take its time for.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	headerBytes   = 32 << 10
)

// routes says which path is answered by whom.
func (p *process) routes() http.Handler {
	mux := http.NewServeMux()
	need := func(scope access.Scope, h http.Handler) http.Handler { return p.need(scope, h) }
	telemetry.NewHealth(p.instance, p.ready).Routes(mux) // for everybody, under any name: probes know neither
	p.dashboard.Register(mux, need)
	mux.Handle("GET /ws", need(access.Publish, p.gated((*Gateway).serveWebSocket)))
	mux.Handle("POST /api/events", need(access.Publish, p.gated((*Gateway).serveEvents)))
	mux.Handle("GET /debug/buffer", need(access.Admin, p.gated((*Gateway).serveDebugBuffer)))
	mux.Handle("GET /debug/rejects", need(access.Admin, p.gated((*Gateway).serveDebugRejects)))
	mux.Handle("GET /debug/workers", need(access.Admin, p.gated((*Gateway).serveDebugWorkers)))
	mux.Handle("GET /debug/memory", need(access.Admin, http.HandlerFunc(telemetry.MemoryHandler)))
	p.controls.register(mux, func(scope access.Scope, h http.HandlerFunc) http.HandlerFunc { return need(scope, h).ServeHTTP })
	return timely(p.sameOrigin(p.shared(mux)))
}

// gated answers 503 while there is no Redis yet.
func (p *process) gated(serve func(*Gateway, http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		g := p.gateway.Load()
		if g == nil {
			comeAgain(w, refuseRedis)
			return
		}
		serve(g, w, r)
	}
}

// ready proves that Redis takes writes, and that this gateway does not go away.
func (p *process) ready(ctx context.Context) error {
	g := p.gateway.Load()
	switch {
	case g == nil:
		return errors.New("waiting for Redis")
	case g.draining():
		return errors.New("going away")
	}
	return g.stream.Ready(ctx)
}

// serve answers HTTP until ctx ends and the last answer is out. WebSockets are not its business any more.
func (p *process) serve(ctx context.Context, l net.Listener) error {
	d := p.newDoorman(l)
	server := &http.Server{
		Handler:           p.routes(),
		ConnState:         d.watch,
		ReadHeaderTimeout: headerTimeout, // of the body: see timely
		WriteTimeout:      writeTimeout,  // of what net/http answers by itself
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerBytes,
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(d) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serving HTTP: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.config.Grace)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	if why := <-ended; !errors.Is(why, http.ErrServerClosed) {
		err = errors.Join(err, why)
	}
	return err
}

// Why a whole request can't be taken now.
var (
	refuseRedis    = event.Refuse(codeUnavailable, "Redis can't be reached: try again. GET /api/diagnosis says more.")
	refuseDraining = event.Refuse(codeUnavailable, "this gateway is going away: try again.")
)

// comeAgain answers that, and after how long, a request can be tried again: 429 to whom it is about, 503 to everybody.
// Nothing of the request is stored.
func comeAgain(w http.ResponseWriter, why *event.Refusal) {
	status := http.StatusServiceUnavailable
	if why.Code == event.CodeRateLimited {
		status = http.StatusTooManyRequests
	}
	after := retryAfter(why)
	w.Header().Set("Retry-After", strconv.FormatInt(int64((after+time.Second-1)/time.Second), 10))
	writeJSON(w, status, map[string]any{
		"code": why.Code, "message": why.Message, "retryable": true, "retry_after_ms": after.Milliseconds(),
	})
}

// inParallel does each and returns the first error.
func inParallel[T any](all []T, do func(T) error) error {
	var g errgroup.Group
	for _, each := range all {
		g.Go(func() error { return do(each) })
	}
	return g.Wait()
}
