package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Health asks a service whether it is well: the health check of small images, which have no curl.
type Health struct {
	URL     string        `arg:"" optional:"" default:"http://127.0.0.1:8000/health" help:"What to ask."`
	Timeout time.Duration `name:"timeout" default:"3s" help:"Longest wait for an answer."`

	Out io.Writer `kong:"-"`
}

// Run exits 0 if the answer is 200, 1 if it is another, 69 if there is none.
func (h Health) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, nil)
	if err != nil {
		return usage("URL: %v", err)
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return unavailable(err)
	}
	defer w.Body.Close()
	body, err := io.ReadAll(io.LimitReader(w.Body, 64<<10))
	if err != nil {
		return unavailable(fmt.Errorf("reading the answer: %w", err))
	}
	fmt.Fprintf(h.Out, "%s\n", body)
	if w.StatusCode != http.StatusOK {
		return Exit{ExitFailed, errors.New(w.Status)}
	}
	return nil
}
