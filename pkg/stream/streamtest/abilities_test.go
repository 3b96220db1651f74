package streamtest

import (
	"reflect"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// probes tries each ability of Abilities on a server of its own.
var probes = map[string]func(t *testing.T, s *Server) bool{
	"Processes": func(_ *testing.T, s *Server) bool { return s.child != nil },
	"Config": func(t *testing.T, s *Server) bool {
		c := s.Client(t)
		set := c.ConfigSet(t.Context(), "appendfsync", "no").Err()
		got, err := c.ConfigGet(t.Context(), "appendfsync").Result()
		return set == nil && err == nil && got["appendfsync"] == "no"
	},
	"Info": func(t *testing.T, s *Server) bool {
		for section, field := range map[string]string{"server": "redis_version:", "memory": "used_memory:", "persistence": "aof_enabled:"} {
			if text, err := s.Client(t).Info(t.Context(), section).Result(); err != nil || !strings.Contains(text, field) {
				return false
			}
		}
		return true
	},
	"MaxMemory": func(t *testing.T, s *Server) bool {
		c := s.Client(t)
		_ = c.ConfigSet(t.Context(), "maxmemory", "1") // refused where it can't be full
		err := c.Set(t.Context(), "k", "v", 0).Err()
		return err != nil && strings.HasPrefix(err.Error(), "OOM ")
	},
	"Lag": func(t *testing.T, s *Server) bool {
		c := s.Client(t)
		filled(t, c, 3)
		take(t, c, 2)
		written(t, c.XTrimMinID(t.Context(), "s", "2"))
		groups, err := c.XInfoGroups(t.Context(), "s").Result()
		return err == nil && groups[0].Lag == 1 && groups[0].EntriesRead == 2
	},
	"DeletedInClaims": func(t *testing.T, s *Server) bool {
		c := s.Client(t)
		filled(t, c, 2)
		take(t, c, 2)
		written(t, c.XDel(t.Context(), "s", "1-0"))
		reply, err := c.Do(t.Context(), "XAUTOCLAIM", "s", "g", "other", 0, "0").Slice()
		return err == nil && len(reply) == 3 && reflect.DeepEqual(reply[2], []any{"1-0"})
	},
	"ClaimKeepsCount": func(t *testing.T, s *Server) bool {
		c := s.Client(t)
		filled(t, c, 1)
		take(t, c, 1)
		written(t, c.Do(t.Context(), "XAUTOCLAIM", "s", "g", "other", 0, "0", "JUSTID"))
		rows, err := c.XPendingExt(t.Context(), &redis.XPendingExtArgs{Stream: "s", Group: "g", Start: "-", End: "+", Count: 1}).Result()
		return err == nil && rows[0].RetryCount == 1
	},
	"LargeUnpack": func(t *testing.T, s *Server) bool {
		const script = `local many = {} for i = 1, 7999 do many[i] = i end return select('#', unpack(many))`
		n, err := s.Client(t).Eval(t.Context(), script, nil).Int()
		return err == nil && n == 7999
	},
	"ExponentNumbers": func(t *testing.T, s *Server) bool {
		text, err := s.Client(t).Eval(t.Context(), `return 1e14 .. ''`, nil).Text()
		return err == nil && text == "1e+14"
	},
}

func TestAbilitiesAreTrueBothWays(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *Server{"redis": Redis, "embedded": Embedded} {
		t.Run(name, func(t *testing.T) {
			for field, value := range reflect.ValueOf(start(t).Can).Fields() {
				probe := probes[field.Name]
				if probe == nil {
					t.Errorf("%s: there is no probe", field.Name)
					continue
				}
				if can := probe(t, start(t)); can != value.Bool() {
					t.Errorf("%s is %v, and the server says %v", field.Name, value.Bool(), can)
				}
			}
		})
	}
}

// An ability that both have, or neither, is no difference.
func TestAbilitiesAreDifferences(t *testing.T) {
	embedded := reflect.ValueOf(embeddedCan)
	for field, value := range reflect.ValueOf(redisCan).Fields() {
		if value.Bool() == embedded.FieldByIndex(field.Index).Bool() {
			t.Errorf("%s is the same on both: take it off the list", field.Name)
		}
	}
}

// filled is stream s with entries 1-0, 2-0 and so on, and group g at its beginning.
func filled(t *testing.T, c *redis.Client, entries int) {
	t.Helper()
	written(t, c.XGroupCreateMkStream(t.Context(), "s", "g", "0"))
	for n := range entries {
		written(t, c.Do(t.Context(), "XADD", "s", n+1, "f", "v"))
	}
}

// take reads entries for consumer c.
func take(t *testing.T, c *redis.Client, entries int64) {
	t.Helper()
	written(t, c.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: "g", Consumer: "c", Streams: []string{"s", ">"}, Count: entries, Block: -1}))
}

func written(t *testing.T, c redis.Cmder) {
	t.Helper()
	if err := c.Err(); err != nil {
		t.Fatalf("%v: %v", c.Args(), err)
	}
}
