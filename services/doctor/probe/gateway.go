package probe

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"millrace.dev/services/doctor"
)

// gateway is what one gateway shows to whoever can reach it.
type gateway struct {
	alive doctor.Probe
	// redis is whether its Redis takes writes, as it says.
	redis doctor.Probe
	// buffer is nil when it could not be had; noBuffer says why.
	buffer   *doctor.Buffer
	noBuffer string
}

func lookAtGateway(ctx context.Context, c Config) gateway {
	var health struct{ Instance string }
	start := time.Now()
	err := get(ctx, c, "/health", &health)
	g := gateway{alive: doctor.Reached(c.Gateway, time.Since(start), err)}
	if err != nil {
		g.noBuffer = "the gateway can't be reached"
		return g
	}
	g.redis = readiness(ctx, c)
	g.buffer, err = buffer(ctx, c, health.Instance)
	if err != nil {
		g.noBuffer = err.Error()
	}
	return g
}

// readiness is whether the gateway could write to its Redis. It says so in words.
func readiness(ctx context.Context, c Config) doctor.Probe {
	start := time.Now()
	err := get(ctx, c, "/health/ready", nil)
	return doctor.Reached("the gateway's REDIS_URL", time.Since(start), err)
}

func buffer(ctx context.Context, c Config, instance string) (*doctor.Buffer, error) {
	var b struct{ Size, Capacity uint64 }
	if err := get(ctx, c, "/debug/buffer", &b); err != nil {
		return nil, err
	}
	return &doctor.Buffer{Instance: cmp.Or(instance, c.Gateway), Size: b.Size, Capacity: b.Capacity}, nil
}

// askGateway asks for the diagnosis of stats that the gateway passes on. One without it is no answer.
func askGateway(ctx context.Context, c Config) (doctor.Diagnosis, error) {
	var d doctor.Diagnosis
	if err := get(ctx, c, "/api/diagnosis", &d); err != nil {
		return doctor.Diagnosis{}, err
	}
	if d.Rules == 0 || slices.ContainsFunc(d.Findings, doctor.Finding.AboutStats) {
		return doctor.Diagnosis{}, errors.New("the gateway has no diagnosis of stats")
	}
	return d, nil
}

// most bounds an answer: a diagnosis has some hundred findings at most.
const most = 4 << 20

// get asks the gateway; any answer but 200 is an error, with what the body says of it. answer may be nil.
func get(ctx context.Context, c Config, path string, answer any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.Gateway, "/")+path, nil)
	if err != nil {
		return err
	}
	if c.Key != "" {
		r.Header.Set("Authorization", "Bearer "+c.Key)
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer w.Body.Close()
	body, err := io.ReadAll(io.LimitReader(w.Body, most))
	if err != nil {
		return fmt.Errorf("reading the answer to GET %s: %w", path, err)
	}
	if w.StatusCode != http.StatusOK {
		return refusal(path, w.Status, body)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("reading the answer to GET %s: %w", path, err)
	}
	return nil
}

// refusal is an answer that is not 200. Ours say in JSON what is wrong: health as an error, the rest as a message.
func refusal(path, status string, body []byte) error {
	var told struct{ Error, Message string }
	if json.Unmarshal(body, &told) == nil && cmp.Or(told.Error, told.Message) != "" {
		return fmt.Errorf("GET %s answers %s: %.500s", path, status, cmp.Or(told.Error, told.Message))
	}
	return fmt.Errorf("GET %s answers %s", path, status)
}
