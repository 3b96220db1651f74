package doctor

import "fmt"

const redisAwayID = "MR-REDIS-001"

func redisRules() []Rule {
	return []Rule{{
		ID:    redisAwayID,
		Title: "Redis can't be reached",
		Loss:  Delayed,
		Needs: []Part{ProbePart(ProbeRedis)},
		Check: redisAway,
		Clear: func(s *Snapshot, _ Limits) string {
			return "Redis answers: a round trip takes " + duration(s.Probes[ProbeRedis].RoundTrip) + "."
		},
		Remedy: "docker compose up -d redis   # or start the redis-server that REDIS_URL means; `millrace up` restarts its own",
	}}
}

func redisAway(s *Snapshot, _ Limits) []Finding {
	p := s.Probes[ProbeRedis]
	if p.Fault == "" {
		return nil
	}
	return []Finding{{
		Status:   Crit,
		Title:    redisTitle(p.Fault),
		Symptom:  fmt.Sprintf("Redis at %s %s. Gateways hold what they have not stored and take no more.", p.Target, p.Fault.phrase()),
		Cause:    redisCause(p.Fault),
		Evidence: p.facts(),
		Remedy:   redisRemedy(p.Fault),
	}}
}

// redisTitle is what is wrong where Redis can be reached; empty where it can't.
func redisTitle(f Fault) string {
	switch f {
	case FaultDenied, FaultLoading, FaultFull, FaultReadOnly:
		return "Redis " + f.phrase()
	}
	return ""
}

func redisCause(f Fault) string {
	switch f {
	case FaultRefused:
		return "Nothing listens there: Redis is not running, or listens somewhere else."
	case FaultTimeout:
		return "Redis is stopped or overloaded, or a firewall swallows what is sent to it."
	case FaultName:
		return "The name in REDIS_URL has no address: it is misspelt, or its container is not running."
	case FaultDenied:
		return "The user or password in REDIS_URL is not the one that Redis expects, or may not use the commands."
	case FaultLoading:
		return "Redis was restarted and reads its data from disk; it answers when it has finished."
	case FaultFull:
		return "Redis is at its maxmemory: what the pipelines have not processed fills it."
	case FaultReadOnly:
		return "This Redis is a replica, or can't save to its disk."
	}
	return "The connection breaks; the error says how."
}

// redisRemedy is the command for a fault, where it isn't to start Redis.
func redisRemedy(f Fault) string {
	switch f {
	case FaultTimeout:
		return "redis-cli -u \"$REDIS_URL\" ping; redis-cli -u \"$REDIS_URL\" slowlog get 5"
	case FaultDenied:
		return "redis-cli -u \"$REDIS_URL\" acl whoami   # then correct user and password in REDIS_URL"
	case FaultLoading:
		return "redis-cli -u \"$REDIS_URL\" info persistence   # loading_eta_seconds; then wait"
	case FaultFull:
		return "millrace stats   # pending: start workers, or raise Redis's maxmemory"
	case FaultReadOnly:
		return "redis-cli -u \"$REDIS_URL\" info replication; redis-cli -u \"$REDIS_URL\" info persistence"
	}
	return ""
}
