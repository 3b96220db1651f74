package ledger

// Memory is the most that somebody saw in each partition. An append-only file that is a second old, a replica that was
// behind, a restored copy: Redis comes back with less and knows nothing of it, and the ledger in it balances. Only who
// saw more can tell.
//
// The zero value has seen nothing. It is not locked.
type Memory struct{ seen map[int]sight }

type sight struct {
	epoch    string
	accepted uint64
}

// Saw notes that so many events had been appended to a partition in this epoch of it, and returns how many of those
// seen before Redis no longer knows: 0 but for a loss. In another epoch it is all of them, whether or not they had been
// processed. Each loss is returned once.
func (m *Memory) Saw(partition int, epoch string, accepted uint64) (lost uint64) {
	before, ok := m.seen[partition]
	switch {
	case !ok:
	case before.epoch != epoch:
		lost = before.accepted
	case before.accepted > accepted:
		lost = before.accepted - accepted
	}
	if m.seen == nil {
		m.seen = map[int]sight{}
	}
	m.seen[partition] = sight{epoch, accepted}
	return lost
}
