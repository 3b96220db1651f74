// Package server is where Redis comes from when nobody brings one: the URL that was given, else a redis-server or
// valkey-server of this machine as a child, else one embedded in this process.
//
//	url ──▶ somebody's Redis
//	 │ none
//	 ▼
//	PATH ──▶ child: append-only file under the data folder, fsynced; dies with us, comes back when it dies
//	 │ none
//	 ▼
//	embedded: in memory, gone with us
//
// A server is found before anything starts, so that its URL can be handed around; it answers once Run says ready.
package server
