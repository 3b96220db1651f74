package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// longestAnswer bounds what is read of an answer: 10,000 keys take some MB.
const longestAnswer = 16 << 20

// tell sends a request of an operator to the gateway, with a JSON body unless it is nil, and reads the answer unless
// that is nil. What the gateway refuses is an error in its own words; a gateway that does not answer, or can't for now,
// is Exit{69}.
func (t Target) tell(ctx context.Context, method, path string, body, answer any) error {
	address, err := t.http(path)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	r, err := t.request(ctx, method, address, body)
	if err != nil {
		return err
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return unavailable(fmt.Errorf("asking the gateway: %w", err))
	}
	defer w.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(w.Body, longestAnswer))
	if err != nil {
		return unavailable(fmt.Errorf("reading the answer of %s: %w", address, err))
	}
	if w.StatusCode/100 != 2 {
		return refused(w, raw)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", address, err)
	}
	return nil
}

func (t Target) request(ctx context.Context, method, address string, body any) (*http.Request, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("writing the request: %w", err)
		}
		content = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, address, content)
	if err != nil {
		return nil, usage("--url: %v", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if t.Key != "" {
		r.Header.Set("Authorization", "Bearer "+t.Key)
	}
	return r, nil
}

// refused is the error of an answer that is none of success.
func refused(w *http.Response, raw []byte) error {
	var why struct{ Message string }
	_ = json.Unmarshal(raw, &why) // what is no JSON has no message
	if why.Message == "" {
		why.Message = "no reason is given"
	}
	err := fmt.Errorf("the gateway answers %s: %.500s", w.Status, why.Message)
	switch w.StatusCode {
	case http.StatusUnauthorized:
		return Exit{ExitFailed, fmt.Errorf("%w; --key or MILLRACE_KEY names a key with the scope admin", err)}
	case http.StatusBadRequest:
		return Exit{ExitUsage, err}
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return unavailable(err)
	case http.StatusNotFound:
		if !json.Valid(raw) {
			return Exit{ExitFailed, errors.Join(err, errors.New("is it a gateway of this version that answers at --url?"))}
		}
	}
	return Exit{ExitFailed, err}
}
