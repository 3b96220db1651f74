package stream

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// What waiting can't mend.
var (
	// ErrPartitions: the stream was made with another number of partitions.
	ErrPartitions = errors.New("the stream has another number of partitions")
	// ErrLimits: the stream was made under other limits for what a valid event is.
	ErrLimits = errors.New("the stream has other limits for what a valid event is")
	// ErrTooOld: this Redis lacks what the scripts need.
	ErrTooOld = errors.New("Redis is too old")
	// ErrDenied: Redis refuses our user, password or commands.
	ErrDenied = errors.New("Redis denies access")
	// ErrDurability: this Redis can't give the durability that was asked for.
	ErrDurability = errors.New("Redis does not offer the durability that was asked for")
	// ErrUnconfirmed: an append is stored, and not, or not yet, as durable as was asked for. It passes when the replicas
	// or the disk are back.
	ErrUnconfirmed = errors.New("Redis does not confirm the durability that was asked for")
	// ErrFull: Redis is at its maxmemory and takes no events. It passes when the backlog drains.
	ErrFull = errors.New("Redis is full")
)

// Transient says whether trying again can help.
func Transient(err error) bool {
	for _, lasting := range []error{ErrPartitions, ErrLimits, ErrTooOld, ErrDenied, ErrDurability, context.Canceled, redis.ErrClosed} {
		if errors.Is(err, lasting) {
			return false
		}
	}
	return !errors.Is(classify(err), ErrDenied)
}

// Refused says whether Redis itself answered with an error. A script that was refused has changed nothing:
// ours read and refuse first and write last. Any other error leaves it open whether the script ran.
func Refused(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply) && !errors.Is(err, redis.Nil)
}

// Classify names the reason behind an error of Redis, where it has a name here.
func Classify(err error) error { return classify(err) }

func classify(err error) error {
	if !Refused(err) {
		return err
	}
	text := err.Error()
	switch {
	case hasCode(text, "NOAUTH"), hasCode(text, "WRONGPASS"), hasCode(text, "NOPERM"):
		return errors.Join(ErrDenied, err)
	case hasCode(text, "OOM"):
		return errors.Join(ErrFull, err)
	}
	return err
}

// hasCode looks for an error code: at the start, or in what a script hands on from a command.
func hasCode(text, code string) bool {
	return strings.HasPrefix(text, code+" ") || strings.Contains(text, "-"+code+" ") || strings.Contains(text, ": "+code+" ")
}

func refusesInfo(err error) bool {
	return Refused(err) && !hasCode(err.Error(), "LOADING") && !hasCode(err.Error(), "MASTERDOWN")
}
