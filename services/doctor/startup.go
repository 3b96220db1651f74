package doctor

import (
	"errors"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"millrace.dev/pkg/stream"
)

// ErrSettings marks an error about settings, of which it has one a line: a main wraps what Check returns with
// it (fmt.Errorf("%w: %w", doctor.ErrSettings, err)), and Startup recognises it.
var ErrSettings = errors.New("settings are wrong")

// failure is a reason why a process can't start. It needs no snapshot: the error is the measurement.
type failure struct {
	id, title, cause, remedy string
	is                       func(error) bool
}

// Startup is the finding for an error that ended a process at its start; ok is false for one that is not known.
func Startup(err error) (f Finding, ok bool) {
	if err == nil {
		return Finding{}, false
	}
	for _, known := range failures() {
		if known.is(err) {
			return known.finding(err), true
		}
	}
	return Finding{}, false
}

func (f failure) finding(err error) Finding {
	return Finding{
		ID: f.id, Status: Crit, Title: f.title, Loss: Nothing,
		Symptom:  "The start failed.",
		Cause:    f.cause,
		Evidence: lines(err),
		Remedy:   f.remedy,
		Link:     linkTo(f.id),
	}
}

// lines is a fact a line of an error: joined errors have one each. What the title says already is left out.
func lines(err error) []Fact {
	var facts []Fact
	for line := range strings.SplitSeq(strings.Replace(err.Error(), ErrSettings.Error()+": ", "", 1), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			facts = append(facts, Fact{"error", line})
		}
	}
	return facts
}

// failures are what is recognised, the narrower before the wider.
func failures() []failure {
	return []failure{{
		id: "MR-START-001", title: "The address can't be listened on",
		cause:  "Another process listens there already, or the address is not this machine's, or its port is reserved.",
		remedy: "ss -ltnp   # find who has the port; else choose another with --http-addr or --grpc-addr",
		is:     isListen,
	}, {
		id: "MR-START-002", title: "Redis denies access",
		cause:  "The user or password in REDIS_URL is not the one that Redis expects, or that user may not use the commands and keys (millrace:*).",
		remedy: "redis-cli -u \"$REDIS_URL\" acl whoami",
		is:     isStream(stream.ErrDenied),
	}, {
		id: "MR-START-003", title: "The stream has another number of partitions",
		cause:  "The number is fixed when the stream is made, and --partitions says another.",
		remedy: "unset MILLRACE_PARTITIONS   # and leave out --partitions: then the number that Redis holds is used",
		is:     isStream(stream.ErrPartitions),
	}, {
		id: "MR-START-004", title: "The stream has other limits for a valid event",
		cause:  "The limits that decide whether an event is valid are fixed when the stream is made, so that a resend is judged as it was the first time; this gateway was started with others.",
		remedy: "redis-cli -u \"$REDIS_URL\" hgetall 'millrace:1:{p0}:layout'   # start with those limits",
		is:     isStream(stream.ErrLimits),
	}, {
		id: "MR-START-005", title: "Redis is too old",
		cause:  "The scripts need what came with Redis 7.0.",
		remedy: "redis-cli -u \"$REDIS_URL\" info server   # then upgrade; `millrace up` brings its own where neither REDIS_URL nor PATH has one",
		is:     isStream(stream.ErrTooOld),
	}, {
		id: "MR-START-006", title: "The data folder can't be used",
		cause:  "Another millrace holds the lock on it, or this user can't write to it, or its disk is full.",
		remedy: "bin/millrace up --data-dir \"$(mktemp -d)\"   # or end the other one; or correct the folder's owner",
		is:     isFolder,
	}, {
		id: "MR-START-007", title: "Settings are wrong",
		cause:  "A flag or an environment variable has a value that can't be used; each is named.",
		remedy: "bin/millrace --help   # and `bin/millrace COMMAND --help`: what there is, with units and defaults",
		is:     func(err error) bool { return errors.Is(err, ErrSettings) },
	}, {
		id: "MR-START-008", title: "Redis does not offer the durability that was asked for",
		cause:  "--durability asks for more than Redis shows: its append-only file is off or is fsynced too rarely, too few replicas are connected, or it does not let this user ask (CONFIG, INFO).",
		remedy: "redis-cli -u \"$REDIS_URL\" config get '*append*'   # fsynced: appendonly yes, appendfsync always, no-appendfsync-on-rewrite no; replicated:N: `info replication`; or ask for less",
		is:     isStream(stream.ErrDurability),
	}}
}

func isStream(known error) func(error) bool {
	return func(err error) bool { return errors.Is(stream.Classify(err), known) }
}

func isListen(err error) bool {
	var op *net.OpError
	return errors.Is(err, syscall.EADDRINUSE) || errors.As(err, &op) && op.Op == "listen"
}

// isFolder recognises a folder that can't be written, and a lock that somebody else holds. A file that is not
// there is no such case: its name is wrong.
func isFolder(err error) bool {
	var path *fs.PathError
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true
	}
	return errors.As(err, &path) && !errors.Is(err, fs.ErrNotExist)
}
