package stream

import (
	"context"
	"fmt"
)

// Durability levels: what an acknowledgement survives. None is claimed that the server doesn't show.
const (
	// DurabilityMemory: the server has it, without an append-only file. Survives a crash of gateway or worker.
	DurabilityMemory = "memory"
	// DurabilityStored: in an append-only file, fsynced every second. Survives most crashes of Redis too.
	DurabilityStored = "stored"
	// DurabilityFsynced: fsynced before the acknowledgement. Survives loss of power too.
	DurabilityFsynced = "fsynced"
)

// Durability is the best level that the server offers now; an operator may change it under us. Where CONFIG is
// forbidden, or unknown as on the embedded server, at most memory is claimed. An error says only that Redis
// could not be asked.
func (s *Stream) Durability(ctx context.Context) (string, error) {
	v, err := s.client.ConfigGet(ctx, "*append*").Result()
	if Refused(err) {
		return DurabilityMemory, nil
	}
	if err != nil {
		return "", fmt.Errorf("asking Redis how durable it is: %w", err)
	}
	switch {
	case v["appendonly"] != "yes" || v["appendfsync"] == "no":
		return DurabilityMemory, nil
	case v["appendfsync"] == "always" && v["no-appendfsync-on-rewrite"] == "no":
		return DurabilityFsynced, nil
	}
	return DurabilityStored, nil
}
