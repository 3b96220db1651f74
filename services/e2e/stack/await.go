package stack

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"millrace.dev/services/e2e/proc"
)

// look is how often something is looked at that can't tell by itself.
const look = 20 * time.Millisecond

// Await looks until ok, and returns what it saw then. Another process can be waited for in no other way.
func Await[T any](t testing.TB, what string, see func() (seen T, ok bool)) T {
	t.Helper()
	return AwaitWithin(t, proc.Patience, what, see)
}

// AwaitWithin is Await with less patience.
func AwaitWithin[T any](t testing.TB, within time.Duration, what string, see func() (seen T, ok bool)) T {
	t.Helper()
	late := time.NewTimer(within)
	defer late.Stop()
	again := time.NewTicker(look)
	defer again.Stop()
	for {
		seen, ok := see()
		if ok {
			return seen
		}
		select {
		case <-again.C:
		case <-late.C:
			t.Fatalf("not within %v: %s; last seen: %s", within, what, fmt.Sprint(seen))
		}
	}
}

// Last lets something last: a fault, or a time in which nothing may happen. It is no way to wait for something.
func Last(t testing.TB, d time.Duration) {
	t.Helper()
	if !sleep(t.Context(), d) {
		t.Fatal("the test is over")
	}
}

// Get asks by HTTP; status 0: nobody answered.
func Get(t testing.TB, url string) (status int, body []byte) {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		return 0, nil
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(answer.Body)
	if err != nil {
		return 0, nil
	}
	return answer.StatusCode, body
}
