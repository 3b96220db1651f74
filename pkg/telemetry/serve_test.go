package telemetry

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// serving starts Serve and returns where, how to stop it and its result.
func serving(t *testing.T, h http.HandlerFunc) (url string, stop context.CancelFunc, result <-chan error) {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, ln, h, quiet()) }()
	return "http://" + ln.Addr().String(), stop, ended
}

// fetch asks url over a connection of its own.
func fetch(t *testing.T, url string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

func TestServeFinishesWhatIsUnderWay(t *testing.T) {
	entered, finish := make(chan struct{}), make(chan struct{})
	url, stop, result := serving(t, func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-finish
		_, _ = io.WriteString(w, "done")
		if r.Context().Err() != nil {
			t.Error("the request was cancelled")
		}
	})
	answer := make(chan string, 1)
	go func() {
		body, err := fetch(t, url)
		answer <- body + fmtErr(err)
	}()
	<-entered
	stop()
	untilRefused(t, url)
	close(finish)
	if got := <-answer; got != "done" {
		t.Errorf("got %q", got)
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
}

func TestServeCancelsWhatTakesTooLong(t *testing.T) {
	entered := make(chan struct{})
	url, stop, result := serving(t, func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done() // a stream, which ends when it is told to
		_, _ = io.WriteString(w, "ended")
	})
	answer := make(chan string, 1)
	go func() {
		body, err := fetch(t, url)
		answer <- body + fmtErr(err)
	}()
	<-entered
	began := time.Now()
	stop()
	if err := <-result; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took < finishFor || took > finishFor+abortFor+time.Second {
		t.Errorf("stopping took %v", took)
	}
	if got := <-answer; got != "ended" {
		t.Errorf("got %q", got)
	}
}

func TestServeReturnsWhatItFailedOf(t *testing.T) {
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := Serve(t.Context(), ln, http.NotFoundHandler(), nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want %v", err, net.ErrClosed)
	}
}

// untilRefused asks until nothing listens any more.
func untilRefused(t *testing.T, url string) {
	t.Helper()
	addr := url[len("http://"):]
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			return
		}
		conn.Close()
	}
	t.Fatal("it goes on taking connections")
}

func fmtErr(err error) string {
	if err == nil {
		return ""
	}
	return " and " + err.Error()
}
