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
	edit           Edit
	once           sync.Once
	done           chan struct{}

	mu   sync.Mutex
	owed []owed // for each request that has no reply yet
}

// owed is a reply that is to come.
type owed struct {
	swallow bool
	edit    func([]byte) []byte // nil: it goes as it is
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
		command := commandOf(request)
		request, edit := l.edit(command, request)
		l.expect(owed{l.cut.doomed(command), edit})
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
		due := l.due()
		if due.swallow {
			l.cutHere()
			return
		}
		if due.edit != nil {
			reply = due.edit(reply)
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

func (l *link) expect(reply owed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owed = append(l.owed, reply)
}

// due says what is to become of the oldest request's reply, which has come.
func (l *link) due() owed {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.owed) == 0 {
		return owed{} // the server spoke unasked, as it does to say that it has too many clients
	}
	due := l.owed[0]
	l.owed = l.owed[1:]
	return due
}
