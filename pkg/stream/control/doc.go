// Package control holds what operators tell every gateway, and every gateway hears within a second: whether intake is
// paused, which limits hold, and which keys open what. It lies in Redis, so it survives restarts of everything, and
// says who changed what, when, and why.
package control
