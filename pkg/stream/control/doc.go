// Package control holds what operators tell every gateway, and every gateway hears within a second: whether intake is
// paused, which limits hold, and which keys open what. It lies in Redis, so it survives restarts of everything, and
// says who changed what, when, and why.
//
//	an operator ─▶ Pause, SetLimits, AddKey … ─▶ one hash ◀─ Watch ─ every gateway
//
// Each change is one script, so changes of several operators come one after the other, and a full Redis takes them: it
// is then that intake has to be stopped.
package control
