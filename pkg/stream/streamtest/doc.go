// Package streamtest gives tests a Redis: a real one, which can be killed, paused and started again, and the
// embedded one. What differs between them is Abilities; a test holds that list to the truth, both ways.
//
//	srv := streamtest.Redis(t)       // or streamtest.Embedded(t)
//	rdb := srv.Client(t)
//
// Cut is the bad network between a client and its server.
package streamtest
