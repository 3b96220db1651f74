// Package survey reads how the stream is doing: one sweep a second, by one process. Nobody else polls.
package survey

import (
	"time"

	"millrace.dev/pkg/stream/ledger"
)

// Survey is one sweep over all partitions.
type Survey struct {
	// Taken is when the ledger was read.
	Taken time.Time
	// Partitions, by number.
	Partitions []Partition
	// Leases of workers that are alive.
	Leases []Lease
	// Redis itself.
	Redis Server
	// Rejected and Dropped are what the gateways wrote of events that never reached the stream.
	Rejected, Dropped uint64
}

// Partition is the state of one partition, read in one script, so that it balances.
type Partition struct {
	Number int
	// Epoch changes when Redis lost the stream. Empty: nobody has laid the stream out since.
	Epoch string
	// Ledger holds the accounts of the registered pipelines.
	Ledger ledger.Ledger
	// Entries and Newest describe the stream: how many entries it holds, and the id of the newest.
	Entries uint64
	Newest  string
	// Groups by pipeline.
	Groups map[string]Group
	// Types counts the events of each type that the built-in pipeline handled; Other those beyond its bound.
	// They are nil and 0 where Kinds says that there are too many for a sweep: ReadTypes reads those.
	Types map[string]uint64
	Other uint64
	// Kinds is how many types there are, one more where Other counts.
	Kinds uint64
}

// Group is one pipeline's consumer group in a partition.
type Group struct {
	// Delivered is the id of the last entry that any worker read.
	Delivered string
	// OldestUnread is the arrival of the oldest entry that nobody has read, by this process's clock; zero when
	// there is none.
	OldestUnread time.Time
	// Gone is true when the pipeline is registered and its group does not exist.
	Gone bool
	// Consumers and their pending entries.
	Consumers map[string]int64
}

// Lease is a worker that is alive.
type Lease struct {
	Partition int
	Pipeline  string
	Consumer  string
}

// Server is what Redis says of itself. A figure that it does not give is nil, a word empty.
type Server struct {
	Version         string
	UsedMemory      *uint64
	MaxMemory       *uint64
	MaxMemoryPolicy string
	// Clients that are connected.
	Clients *uint64
	// Durability is what an acknowledgement survives at best; the levels are package stream's.
	Durability string
	// RoundTrip of one PING.
	RoundTrip time.Duration
}

// Total sums the ledgers of all partitions.
func (s Survey) Total() ledger.Ledger {
	all := make([]ledger.Ledger, len(s.Partitions))
	for i, p := range s.Partitions {
		all[i] = p.Ledger
	}
	return ledger.Sum(all...)
}
