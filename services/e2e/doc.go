// Package e2e tests the whole pipeline: real processes, real sockets, a real Redis. Processes are killed, stopped and
// paused while clients send; then the ids that were sent are compared with those that lie in the stream, with those
// that a handler saw, and, last, with the ledger.
package e2e
