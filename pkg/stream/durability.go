package stream

import (
	"fmt"
	"strconv"
	"strings"
)

// Durability levels: what an acknowledgement survives. None is claimed that the server doesn't show.
const (
	// DurabilityMemory: the server has it, without an append-only file. Survives a crash of gateway or worker.
	DurabilityMemory = "memory"
	// DurabilityStored: in an append-only file, fsynced every second. Survives most crashes of Redis too.
	DurabilityStored = "stored"
	// DurabilityFsynced: fsynced before the acknowledgement. Survives loss of power too.
	DurabilityFsynced = "fsynced"
	// DurabilityReplicated, with :N: the best of the above, and on N replicas as well. Survives loss of the machine too,
	// if a replica that has it is promoted.
	DurabilityReplicated = "replicated"
	// DurabilityAuto asks for the best that the server offers without waiting, whatever that is and becomes. Waiting
	// (WAITAOF, WAIT) costs each append a round trip to a disk or another machine, and it stops intake where that fails:
	// both are for somebody to want, so they are done only for a level that was asked for.
	DurabilityAuto = "auto"
)

// maxReplicas bounds N of replicated:N.
const maxReplicas = 9

// Weaker says whether a level that a server has by itself is less than another.
func Weaker(level, than string) bool { return rank[level] < rank[than] }

// rank orders the levels that a server has by itself.
var rank = map[string]int{DurabilityMemory: 1, DurabilityStored: 2, DurabilityFsynced: 3}

// Demand is a durability that was asked for. The zero value asks for nothing: auto.
type Demand struct {
	// Level is memory, stored, fsynced or replicated; empty: auto.
	Level string
	// Replicas that must have an event before it is acknowledged: 1..9 for replicated, else 0.
	Replicas int
}

// ParseDurability reads what --durability says: auto (or nothing), memory, stored, fsynced or replicated:N.
func ParseDurability(text string) (Demand, error) {
	level, number, counted := strings.Cut(text, ":")
	switch {
	case text == "" || text == DurabilityAuto:
		return Demand{}, nil
	case !counted && rank[level] > 0:
		return Demand{Level: level}, nil
	case counted && level == DurabilityReplicated:
		if n, err := strconv.Atoi(number); err == nil && n >= 1 && n <= maxReplicas {
			return Demand{Level: level, Replicas: n}, nil
		}
	}
	return Demand{}, fmt.Errorf("%.30q is none of auto, memory, stored, fsynced, replicated:N with N from 1 to %d", text, maxReplicas)
}

// String is what ParseDurability reads.
func (d Demand) String() string {
	switch {
	case d.Level == "":
		return DurabilityAuto
	case d.Replicas > 0:
		return d.Level + ":" + strconv.Itoa(d.Replicas)
	}
	return d.Level
}

// Waits says whether such a demand may make appends wait for a confirmation.
func (d Demand) Waits() bool { return rank[d.Level] == rank[DurabilityFsynced] || d.Replicas > 0 }

// offer is what a server shows of how durable it is.
type offer struct {
	// level it has without being waited for, and why it is no better.
	level, why string
	// waitAOF: it can be asked to wait until an append is fsynced.
	waitAOF bool
	// replicas that are connected.
	replicas int
}

// least is the lower of two offers in every point: what can be said of two nodes of a Cluster.
func (o offer) least(other offer) offer {
	if rank[other.level] < rank[o.level] {
		o.level, o.why = other.level, other.why
	}
	o.waitAOF = o.waitAOF && other.waitAOF
	o.replicas = min(o.replicas, other.replicas)
	return o
}

// Promise is what an acknowledgement survives, as far as the last look at the server tells.
type Promise struct {
	// Level is what may be said of it: memory, stored, fsynced or replicated:N.
	Level string
	// Below: that is less than what was asked for, and Why says so. Nothing is acknowledged meanwhile.
	Below bool
	Why   string
	// Fsync and Replicas are what each append has to wait for.
	Fsync    bool
	Replicas int
}

// promise is what can be promised of a server with that offer. A level that was asked for is promised as it was asked
// for, also of a server that has more: it stays true when the server becomes less.
func (d Demand) promise(o offer) Promise {
	p := Promise{Level: o.level}
	switch {
	case d.Level == "":
		return p
	case d.Replicas > 0:
		p.Below = o.replicas < d.Replicas
		p.Fsync = o.waitAOF && o.level != DurabilityFsynced
	case rank[o.level] < rank[d.Level]:
		p.Fsync = d.Level == DurabilityFsynced && o.waitAOF
		p.Below = !p.Fsync
	}
	p.Replicas = d.Replicas
	if !p.Below {
		p.Level = d.String()
		return p
	}
	p.Why = fmt.Sprintf("--durability=%s was asked for, and Redis offers %s: %s", d, o.level, o.why)
	if d.Replicas > 0 {
		p.Why = fmt.Sprintf("--durability=%s was asked for, and Redis shows %d connected replicas", d, o.replicas)
	}
	return p
}
