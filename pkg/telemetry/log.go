package telemetry

import (
	"io"
	"log/slog"
	"net"
)

// NewLogger returns a logger that writes to w as c says and names the service in each record. A level that c.Check
// refuses counts as info.
func NewLogger(w io.Writer, c Config, service string) *slog.Logger {
	level, _ := c.level()
	options := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewJSONHandler(w, options)
	if c.LogFormat == "text" {
		h = slog.NewTextHandler(w, options)
	}
	return slog.New(h).With("service", service)
}

// ListenLine logs the one line that says that something listens, with its real address also where port 0 was asked
// for: tests and `millrace up` wait for it. what names the protocol: http, grpc.
func ListenLine(log *slog.Logger, what string, addr net.Addr) {
	log.Info("listening", "what", what, "addr", addr.String())
}
