package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/control"
)

// keysInRedis keeps keys without a gateway. It needs no key: who reaches Redis can do everything anyway.
type keysInRedis struct{ url string }

func (k keysInRedis) create(ctx context.Context, name string, scopes access.Scope) (keyMade, error) {
	key, token, err := access.Mint(name, scopes, operator(), time.Now())
	if err != nil {
		return keyMade{}, usage("%w", err)
	}
	err = k.in(ctx, func(ctx context.Context, s *stream.Stream) error {
		_, err := control.AddKey(ctx, s, key, operator())
		return err
	})
	return keyMade{ID: key.ID, Name: key.Name, Scopes: key.Scopes.Names(), Token: token}, err
}

func (k keysInRedis) list(ctx context.Context) (rows []keyRow, err error) {
	err = k.in(ctx, func(ctx context.Context, s *stream.Stream) error {
		state, err := control.Get(ctx, s)
		for _, key := range state.Keys {
			rows = append(rows, keyRow{key.ID, key.Name, key.Scopes.Names(), key.Created, key.CreatedBy})
		}
		return err
	})
	return rows, err
}

func (k keysInRedis) revoke(ctx context.Context, id string) error {
	return k.in(ctx, func(ctx context.Context, s *stream.Stream) error {
		_, err := control.RevokeKey(ctx, s, id, operator())
		return err
	})
}

// in connects, once, and does something there. A Redis that can't be reached is Exit{69}.
func (k keysInRedis) in(ctx context.Context, do func(context.Context, *stream.Stream) error) error {
	c := stream.Config{URL: k.url, PoolMax: 1, Timeout: answerTimeout}
	if err := c.Check(); err != nil {
		return usage("%w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	s, err := stream.Beside(ctx, c)
	if err != nil {
		return unavailable(fmt.Errorf("reaching Redis: %w", err))
	}
	defer s.Close()
	err = do(ctx, s)
	for _, refusal := range []error{control.ErrNoAdmin, control.ErrUnknownKey, control.ErrTooManyKeys, control.ErrKeyTaken} {
		if errors.Is(err, refusal) {
			return Exit{ExitFailed, err}
		}
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// operator is who is recorded for what is done without a gateway.
func operator() string {
	if u, err := user.Current(); err == nil {
		return "cli@" + u.Username
	}
	return "cli@" + strconv.Itoa(os.Getuid()) // a user without a name, as in a bare container
}
