package access

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// Keys is the ring that is valid now, for those who ask while somebody else hears of changes. The zero value is that
// it is not known yet.
type Keys struct {
	ring atomic.Pointer[Ring]

	mu    sync.Mutex
	leave map[string]map[*func()]struct{} // what to do when a key is revoked, by its id
}

// ErrRevoked is the cause of a context that ended because its key was revoked.
var ErrRevoked = errors.New("the key was revoked")

// Ring is the one that is valid now, or nil.
func (k *Keys) Ring() *Ring { return k.ring.Load() }

// Set says which keys are valid from now on, and tells those who came with another. There is no way back to nil: who
// knew the keys once goes on with them.
func (k *Keys) Set(r *Ring) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ring.Store(r)
	for id, all := range k.leave {
		if r.Holds(id) {
			continue
		}
		delete(k.leave, id)
		for f := range all {
			(*f)()
		}
	}
}

// OnRevoke calls f once if the key of that credential is revoked, or was already: with a lock held, so f does not
// block. forget ends that. Whoever came without a key keeps what they have.
func (k *Keys) OnRevoke(c Credential, f func()) (forget func()) {
	if c.ID == "" {
		return func() {}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.Ring().Holds(c.ID) { // between the decision and now
		f()
		return func() {}
	}
	if k.leave == nil {
		k.leave = map[string]map[*func()]struct{}{}
	}
	if k.leave[c.ID] == nil {
		k.leave[c.ID] = map[*func()]struct{}{}
	}
	k.leave[c.ID][&f] = struct{}{}
	return func() { k.forget(c.ID, &f) }
}

func (k *Keys) forget(id string, f *func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if delete(k.leave[id], f); len(k.leave[id]) == 0 {
		delete(k.leave, id)
	}
}

// While returns a context that carries the credential and ends, because of ErrRevoked, when its key is revoked.
func (k *Keys) While(ctx context.Context, c Credential) (valid context.Context, end func()) {
	ctx = With(ctx, c)
	if c.ID == "" {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	forget := k.OnRevoke(c, func() { cancel(ErrRevoked) })
	return ctx, func() {
		forget()
		cancel(nil)
	}
}
