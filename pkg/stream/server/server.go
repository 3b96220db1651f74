package server

import "context"

// Server is a Redis to use.
type Server struct{ source source }

// source is one way to have a Redis: given, child, embedded.
type source interface {
	url() string
	describe() string
	durable() bool
	run(ctx context.Context, ready func()) error
}

// URL is where clients find it, in the form that stream.Config takes. It may hold a password: don't log it.
func (s *Server) URL() string { return s.source.url() }

// Describe says in one line which server it is and what a restart keeps.
func (s *Server) Describe() string { return s.source.describe() }

// Durable reports whether a restart is known to keep everything that was acknowledged. Of a server that somebody
// else runs only he knows, so that it is false for a given URL.
func (s *Server) Durable() bool { return s.source.durable() }

// Run runs the server until ctx ends, and calls ready when it answers. It returns an error when the server can't be
// started, never because ctx ended. It can be called once.
func (s *Server) Run(ctx context.Context, ready func()) error { return s.source.run(ctx, ready) }
