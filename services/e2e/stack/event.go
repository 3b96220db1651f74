package stack

import (
	"fmt"
	"strconv"
	"strings"
)

// What a sender's event n looks like is known from its name and n alone, so that an oracle can tell each byte of it
// without having been told.

// ID is the id of a sender's event n, from 1.
func ID(sender string, n int) string { return sender + "/" + strconv.Itoa(n) }

// parseID is the reverse of ID.
func parseID(id string) (sender string, n int, ok bool) {
	at := strings.LastIndexByte(id, '/')
	if at < 0 {
		return "", 0, false
	}
	n, err := strconv.Atoi(id[at+1:])
	return id[:at], n, err == nil
}

// Type is the type of event n.
func Type(n int) string { return fmt.Sprintf("e2e.%d", n%3) }

// Data is the data of event n: JSON with spaces, escapes and letters that a decoder would write otherwise.
func Data(n int) string {
	return fmt.Sprintf(`{ "n" : %d.0e0,"text":"\u00e9 é \/ \ud800", "n":[ %d ,true] }`, n, n)
}

// key is the partition key of event n: every fourth has one, so that a session's events go to several partitions.
func key(n int) string {
	if n%4 != 0 {
		return ""
	}
	return fmt.Sprintf("key-%d", n%5)
}

// appendEvent appends the JSON of event n.
func appendEvent(dst []byte, sender string, n int) []byte {
	dst = fmt.Appendf(dst, `{"type":%q,"id":%q,"subject":%q,"data":%s`, Type(n), ID(sender, n), sender, Data(n))
	if k := key(n); k != "" {
		dst = fmt.Appendf(dst, `,"partitionkey":%q`, k)
	}
	return append(dst, '}')
}

// Events is the JSON of events from..to: one alone, or an array.
func Events(sender string, from, to int) []byte {
	if from == to {
		return appendEvent(nil, sender, from)
	}
	dst := []byte{'['}
	for n := from; n <= to; n++ {
		dst = append(appendEvent(dst, sender, n), ',')
	}
	dst[len(dst)-1] = ']'
	return dst
}

// Invalid says whether a Session's event n is one that must be refused.
func Invalid(n int) bool { return n%7 == 3 }

// ValidIDs are the ids of the valid ones of a Session's events up to n.
func ValidIDs(name string, n int) []string {
	var ids []string
	for i := 1; i <= n; i++ {
		if !Invalid(i) {
			ids = append(ids, ID(name, i))
		}
	}
	return ids
}

// Frame is the JSON of a Session's events from..to, some of them invalid.
func Frame(name string, from, to int) []byte {
	faults := []string{`"type":7`, `"time":"yesterday"`, `"type":"x","partitionkey":{}`}
	dst := []byte{'['}
	for n := from; n <= to; n++ {
		if Invalid(n) {
			dst = fmt.Appendf(dst, `{%s,"id":%q},`, faults[n%len(faults)], ID(name, n))
			continue
		}
		dst = append(appendEvent(dst, name, n), ',')
	}
	dst[len(dst)-1] = ']'
	if from == to {
		return dst[1 : len(dst)-1]
	}
	return dst
}
