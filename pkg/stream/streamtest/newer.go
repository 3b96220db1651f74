package streamtest

import (
	"bytes"
	"fmt"
	"regexp"
	"testing"
)

// NewRedis72 stands in front of an older s as Redis 7.2 would: INFO says so, and WAITAOF is answered, at once, by
// fsynced. As with the real one, WAITAOF waits for what its own connection has written: on one that has written nothing
// it is always good. (Redis 7.2, replication.c: waitaofCommand, client.woff.)
func NewRedis72(t testing.TB, s *Server, fsynced func() bool) *Cut {
	t.Helper()
	c := NewCut(t, s)
	c.Set(Rule{Edits: func() Edit { return (&newer{fsynced: fsynced}).edit }})
	return c
}

// newer is one connection to a Redis 7.2.
type newer struct {
	fsynced func() bool
	wrote   bool // set and read in the order of the replies
}

var ping = []byte("*1\r\n$4\r\nPING\r\n")

func (n *newer) edit(command string, request []byte) ([]byte, func([]byte) []byte) {
	switch command {
	case "INFO":
		return request, claim72
	case "WAITAOF":
		return ping, func([]byte) []byte {
			if !n.wrote || n.fsynced() {
				return []byte("*2\r\n:1\r\n:0\r\n")
			}
			return []byte("*2\r\n:0\r\n:0\r\n")
		}
	case "SET", "EVALSHA":
		return request, func(reply []byte) []byte {
			n.wrote = n.wrote || bytes.HasPrefix(reply, []byte("+OK")) || bytes.Contains(reply, []byte("stored"))
			return reply
		}
	}
	return request, nil
}

var versionLine = regexp.MustCompile(`redis_version:[^\r]*`)

func claim72(reply []byte) []byte {
	_, text, ok := bytes.Cut(reply, []byte("\r\n"))
	if !ok || reply[0] != '$' {
		return reply
	}
	text = versionLine.ReplaceAll(bytes.TrimSuffix(text, []byte("\r\n")), []byte("redis_version:7.2.4"))
	return fmt.Appendf(nil, "$%d\r\n%s\r\n", len(text), text)
}
