// Package limit says how much of what clients send is taken: by rate and by number for each credential and address, and
// for all together when the stream is behind. It knows no network and no Redis; the time is an argument.
package limit
