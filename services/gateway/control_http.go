package gateway

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/event"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/control"
)

// register adds the paths under which operators speak; need says who may.
func (c *controls) register(mux *http.ServeMux, need func(access.Scope, http.HandlerFunc) http.HandlerFunc) {
	for path, serve := range map[string]http.HandlerFunc{
		"GET /api/control":         c.heardHere(c.serveControl),
		"POST /api/control/pause":  c.serveChange(readPause),
		"POST /api/control/resume": c.serveChange(readResume),
		"POST /api/control/limits": c.serveChange(readLimits),
		"GET /api/keys":            c.heardHere(c.serveKeys),
		"POST /api/keys":           c.serveAddKey,
		"DELETE /api/keys/{id}":    c.serveRevokeKey,
	} {
		mux.HandleFunc(path, need(access.Admin, serve))
	}
}

// heardHere answers 503 until this gateway knows what operators have said.
func (c *controls) heardHere(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !c.heard.Load().known {
			comeAgain(w, refuseRedis)
			return
		}
		serve(w, r)
	}
}

func (c *controls) serveControl(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, c.report())
}

// change is one change of control, made of a request's body.
type change func(ctx context.Context, s *stream.Stream, by string) (version uint64, err error)

// serveChange makes a change, and answers what then holds. That is when the change is in Redis: the other gateways
// follow within a second.
func (c *controls) serveChange(read func(w http.ResponseWriter, r *http.Request) (change, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		do, err := read(w, r)
		if err != nil {
			refuseControl(w, err)
			return
		}
		if c.make(w, r, do) {
			writeJSON(w, http.StatusOK, c.report())
		}
	}
}

// make makes a change and waits until it is in force here, or answers why not.
func (c *controls) make(w http.ResponseWriter, r *http.Request, do change) (made bool) {
	s := c.stream.Load()
	if s == nil {
		comeAgain(w, refuseRedis)
		return false
	}
	version, err := do(r.Context(), s, c.who(r))
	if err != nil {
		refuseControl(w, err)
		return false
	}
	c.await(r.Context(), version)
	return true
}

// whyBody is the body of a pause and of its end; there may be none.
type whyBody struct {
	Why string `json:"why"`
}

func readPause(w http.ResponseWriter, r *http.Request) (change, error) {
	return readWhy(w, r, control.Pause)
}

func readResume(w http.ResponseWriter, r *http.Request) (change, error) {
	return readWhy(w, r, control.Resume)
}

func readWhy(
	w http.ResponseWriter, r *http.Request,
	do func(ctx context.Context, s *stream.Stream, by, why string) (uint64, error),
) (change, error) {
	var body whyBody
	if err := readObject(w, r, &body); err != nil && !errors.Is(err, errEmpty) {
		return nil, err
	}
	if err := control.CheckWhy(body.Why); err != nil {
		return nil, badRequest{err}
	}
	return func(ctx context.Context, s *stream.Stream, by string) (uint64, error) {
		return do(ctx, s, by, body.Why)
	}, nil
}

// limitsBody is the body of a change of limits: null removes one that was set.
type limitsBody struct {
	Limits map[control.Limit]json.RawMessage `json:"limits"`
	Why    string                            `json:"why"`
}

func readLimits(w http.ResponseWriter, r *http.Request) (change, error) {
	var body limitsBody
	if err := readObject(w, r, &body); err != nil {
		return nil, err
	}
	set, remove := map[control.Limit]float64{}, []control.Limit{}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(body.Limits)) {
		var value *float64
		switch err := json.Unmarshal(body.Limits[name], &value); {
		case err != nil:
			faults = append(faults, fmt.Errorf("limits: %.40s: %.40s is no number", name, body.Limits[name]))
		case value == nil:
			remove = append(remove, name)
		default:
			set[name] = *value
		}
	}
	if len(set)+len(remove) > 0 || len(faults) == 0 {
		faults = append(faults, control.CheckLimits(set, remove))
	}
	if err := errors.Join(append(faults, control.CheckWhy(body.Why))...); err != nil {
		return nil, badRequest{err}
	}
	return func(ctx context.Context, s *stream.Stream, by string) (uint64, error) {
		return control.SetLimits(ctx, s, set, remove, by, body.Why)
	}, nil
}

// controlBytes is the longest body of a change: far more than any needs.
const controlBytes = 16 << 10

// badRequest is what is wrong with a request: it names the field.
type badRequest struct{ error }

var errEmpty error = badRequest{errors.New("the body is empty, a JSON object is expected")}

// readObject reads the one JSON object of a body; errEmpty: there is none. Its error names the field that is wrong.
func readObject(w http.ResponseWriter, r *http.Request, to any) error {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, controlBytes))
	if tooLong, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLong
	}
	if err != nil {
		return badRequest{errors.New("the body did not arrive whole")}
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return errEmpty
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return badRequest{asFault(err)}
	}
	if _, err := d.Token(); err != io.EOF { // More would take a closing bracket for the end
		return badRequest{errors.New("something follows the JSON object")}
	}
	return nil
}

// asFault says what the JSON package found in a client's terms.
func asFault(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s: it can't be a %s", cmp.Or(wrong.Field, "the body"), wrong.Value)
	}
	if text, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
		return fmt.Errorf("%s: there is no such field", text)
	}
	return fmt.Errorf("the body is not JSON: %w", err)
}

// refuseControl answers why a change was not made, or that nobody knows whether it was.
func refuseControl(w http.ResponseWriter, err error) {
	answer := func(status int, code, message string) {
		writeJSON(w, status, map[string]any{"code": code, "message": message, "retryable": false})
	}
	_, bad := errors.AsType[badRequest](err)
	_, long := errors.AsType[*http.MaxBytesError](err)
	switch {
	case bad:
		answer(http.StatusBadRequest, "invalid_request", strings.ReplaceAll(err.Error(), "\n", "; "))
	case long:
		answer(http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("the body has more than %d bytes", controlBytes))
	case errors.Is(err, control.ErrUnknownKey):
		answer(http.StatusNotFound, "unknown_key", err.Error())
	case errors.Is(err, control.ErrNoAdmin), errors.Is(err, control.ErrTooManyKeys), errors.Is(err, control.ErrKeyTaken):
		answer(http.StatusConflict, "conflict", err.Error())
	case stream.Refused(err):
		comeAgain(w, event.Refuse(codeUnavailable, "Redis refuses it, and nothing was changed: "+err.Error()))
	default:
		comeAgain(w, event.Refuse(codeUnavailable,
			"Redis does not answer, so it is not known whether the change was made: look, and try again."))
	}
}
