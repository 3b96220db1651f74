package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace.dev/services/e2e/socket"
	"millrace.dev/services/e2e/stack"
)

// 5,000 clients begin a handshake and never end it. All are cut off within the time that a header may take, and
// meanwhile everybody else is served.
func TestAbuseByHalfOpenHandshakes(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	gateway := s.Gateway()
	gateway.AwaitReady()
	calm := beside(t, s, gateway, nil)
	foot := measure(t, gateway)
	half := socket.Handshake("", nil)
	half = half[:len(half)/2]
	began := time.Now()
	var all []net.Conn
	for range 5000 {
		all = append(all, rough(t, gateway, half))
	}
	opened := time.Since(began)
	for _, c := range all {
		if said := cut(t, c); bytes.Contains(said, []byte("101 Switching")) {
			t.Fatalf("half a handshake was answered with %.100q", said)
		}
	}
	took := time.Since(began)
	t.Logf("5,000 opened in %v, all cut after %v", opened, took)
	if most := opened + 20*time.Second; took > most { // 10 s, on a machine that is busy with others
		t.Errorf("it took %v to cut all off", took)
	}
	calm()
	foot.within(700)
}

// 200 connections send a frame one byte after the other, and 80 declare a large one of which a part comes: more than the
// gateway reads at a time. MILLRACE_SEEDS=3000 waits until all of them are cut off: a frame has 30 s, counted from when there
// is memory for it.
func TestAbuseByFramesByteByByte(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	gateway := s.Gateway()
	gateway.AwaitReady()
	calm := beside(t, s, gateway, nil)
	foot := measure(t, gateway)
	large := socket.Frame(socket.Text, []byte(`{"type":"x","data":"`+strings.Repeat("x", 1_000_000)+`"}`))
	small := socket.Frame(socket.Text, stack.Events("slow", 1, 20))
	var slow []*drip
	for i := range 280 {
		d := &drip{socket: open(t, gateway, "", nil), frame: small}
		if i >= 200 {
			d.frame = large
			d.write(t, len(large)/3)
		}
		slow = append(slow, d)
	}
	seconds := rounds(t, 4, 75)
	clock := time.NewTicker(time.Second)
	defer clock.Stop()
	for range seconds {
		for _, d := range slow {
			d.write(t, 1)
		}
		<-clock.C
	}
	patient := seconds > 60
	for i, d := range slow {
		if d.cut != patient {
			t.Fatalf("after %d s connection %d: cut off %v", seconds, i, d.cut)
		}
		_ = d.socket.Close()
	}
	calm()
	foot.within(250) // 64 MiB of them are large frames
}

// drip is a frame that comes a byte at a time.
type drip struct {
	socket *socket.Socket
	frame  []byte
	cut    bool
}

func (d *drip) write(t *testing.T, n int) {
	t.Helper()
	if d.cut {
		return
	}
	if len(d.frame) <= n {
		t.Fatal("the frame is whole")
	}
	_, err := d.socket.Write(d.frame[:n])
	d.frame = d.frame[n:]
	d.cut = err != nil
}

// An address has 1,000 connections at most. Others come in all the same, and so does the address when one of its own
// ends.
func TestAbuseByConnectionsOfOneAddress(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	gateway := s.Gateway("--trusted-proxies=127.0.0.1", "--allow-anonymous")
	gateway.AwaitReady()
	calm := beside(t, s, gateway, from("198.51.100.1"))
	foot := measure(t, gateway)
	const most, more = 1000, 50
	greedy := from("203.0.113.7")
	var all []*socket.Socket
	for range most {
		all = append(all, open(t, gateway, "", greedy))
	}
	for range more {
		if _, refused := upgraded(t, gateway, "", greedy); refused == nil || refused.Status != http.StatusTooManyRequests ||
			refused.Code != "rate_limited" || refused.Header.Get("Retry-After") == "" {
			t.Fatalf("a connection beyond the limit is answered with %v", refused)
		}
	}
	if held := rejectsOf(t, gateway, nil, "rate_limited"); len(held) != 1 || held[0].Address != "203.0.113.7" || held[0].Count != more {
		t.Errorf("%d refusals are counted as %+v", more, held)
	}
	// Who stands behind the same proxy has its own count, and nobody can choose another address by claiming it first.
	open(t, gateway, "", from("203.0.113.8"))
	if _, refused := upgraded(t, gateway, "", from("203.0.113.9, 203.0.113.7")); refused == nil {
		t.Error("a forged address in front of the true one opens a connection")
	}
	_ = all[0].Close()
	_ = stack.Await(t, "there is room for another one", func() (*socket.Refused, bool) {
		_, refused := upgraded(t, gateway, "", greedy)
		return refused, refused == nil
	})
	calm()
	for _, ws := range all {
		_ = ws.Close()
	}
	foot.within(250)
}

// Clients send what must be refused and read none of the refusals: 20, or 50 with MILLRACE_SEEDS=3000. The gateway stops to
// read them, and cuts them off when it could not write for 10 s.
func TestAbuseByClientsThatNeverRead(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	gateway := s.Gateway()
	gateway.AwaitReady()
	calm := beside(t, s, gateway, nil)
	foot := measure(t, gateway)
	invalid := socket.Frame(socket.Text, []byte("["+strings.Repeat(`{"type":7},`, 999)+`{"type":7}]`))
	var deaf []*socket.Socket
	for range rounds(t, 20, 50) {
		ws := open(t, gateway, "", nil)
		_ = ws.Conn.(*net.TCPConn).SetReadBuffer(4 << 10) // the kernel would take megabytes of refusals for it
		deaf = append(deaf, ws)
	}
	began := time.Now()
	var all sync.WaitGroup
	sent := make([]int, len(deaf))
	for i, ws := range deaf {
		all.Go(func() {
			for {
				n, err := ws.Write(invalid)
				if sent[i] += n; err != nil {
					return
				}
			}
		})
	}
	foot.closed() // a client may not learn of it before its kernel tries again to send: see what the gateway has
	took := time.Since(began)
	for _, ws := range deaf {
		_ = ws.Close()
	}
	all.Wait()
	t.Logf("all were cut off after %v, having sent %d to %d KiB each", took, slices.Min(sent)>>10, slices.Max(sent)>>10)
	if most := slices.Max(sent); most > 64<<20 {
		t.Errorf("%d bytes of one client were taken", most)
	}
	calm()
	foot.within(400)
}

// Headers without measure are answered 431, or cut off, before they take memory.
func TestAbuseByHeaders(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Durable())
	gateway := s.Gateway()
	gateway.AwaitReady()
	calm := beside(t, s, gateway, nil)
	foot := measure(t, gateway)
	one := http.Header{"X-Bomb": {strings.Repeat("x", 64<<10)}}
	many, manyOfOne := http.Header{}, http.Header{"X-Bomb": {}}
	for i := range 8000 {
		many.Set(fmt.Sprintf("X-%d", i), "x")
		manyOfOne.Add("X-Bomb", "x")
	}
	for name, request := range map[string][]byte{
		"one of 64 KiB":  socket.Handshake("", one),
		"8,000 of them":  socket.Handshake("", many),
		"8,000 of one":   socket.Handshake("", manyOfOne),
		"a long session": socket.Handshake("?session="+strings.Repeat("x", 64<<10)+"&next=1", nil),
		"without end":    append([]byte("GET / HTTP/1.1\r\nHost: localhost\r\nX-Bomb: "), bytes.Repeat([]byte("x"), 4<<20)...),
	} {
		for range 20 {
			c := rough(t, gateway, request)
			if said := cut(t, c); !bytes.HasPrefix(said, []byte("HTTP/1.1 431")) && (len(said) > 0 || name != "without end") {
				t.Fatalf("%s: the gateway answers %.200q", name, said)
			}
		}
	}
	calm()
	foot.within(150)
}
