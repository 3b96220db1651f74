package streamtest

import (
	"bufio"
	"net"
	"sync"
	"time"
)

// link is one connection through a Cut.
type link struct {
	cut            *Cut
	client, server net.Conn
	once           sync.Once
	done           chan struct{}

	mu      sync.Mutex
	swallow []bool // for each request that has no reply yet
}

// run carries requests and replies until the link is closed; both directions have ended then.
func (l *link) run() {
	var up sync.WaitGroup
	up.Go(l.requests)
	l.replies()
	up.Wait()
}

func (l *link) close() {
	l.once.Do(func() {
		close(l.done)
		_ = l.client.Close()
		_ = l.server.Close()
	})
}

func (l *link) requests() {
	defer l.close()
	r := bufio.NewReader(l.client)
	for {
		request, err := readValue(r, nil)
		if err != nil {
			return
		}
		l.expect(l.cut.doomed(commandOf(request)))
		if !l.carry(l.server, request, sent) {
			return
		}
	}
}

func (l *link) replies() {
	defer l.close()
	r := bufio.NewReader(l.server)
	for {
		reply, err := readValue(r, nil)
		if err != nil {
			return
		}
		if l.doomed() {
			l.cutHere()
			return
		}
		if !l.hold(l.cut.delay()) || !l.carry(l.client, reply, received) {
			return
		}
	}
}

// carry writes what the rule lets through, and reports whether the link goes on.
func (l *link) carry(to net.Conn, value []byte, left func(*Rule) *int) bool {
	may, last := l.cut.pass(left, len(value))
	if _, err := to.Write(value[:may]); err != nil {
		return false
	}
	if last {
		l.cutHere()
	}
	return !last
}

// cutHere closes before it tells: who waits for the news finds the connection gone.
func (l *link) cutHere() {
	l.close()
	l.cut.fire()
}

// hold waits for d, or until the link is closed.
func (l *link) hold(d time.Duration) bool {
	if d == 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.done:
		return false
	}
}

func (l *link) expect(swallow bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.swallow = append(l.swallow, swallow)
}

// doomed says whether the oldest request's reply, which has come, is to be swallowed.
func (l *link) doomed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.swallow) == 0 {
		return false // the server spoke unasked, as it does to say that it has too many clients
	}
	doomed := l.swallow[0]
	l.swallow = l.swallow[1:]
	return doomed
}
