// Package access says who may do what: the scopes there are, the keys that carry them, and where a request comes
// from.
//
//	request ─▶ key? ──▶ Ring.Find ──▶ its scopes ─────────────────────────────────▶ Credential, or Refusal
//	             └ none ─▶ loopback without any key set, or --allow-anonymous ─▶ Host ─┘
//
// TakeToken takes the key out of a request, Rules.ClientOf says where it comes from, Rules.Decide and Rules.CheckHost
// let in or refuse; Rules.Admit is all of that. They are functions of values. Keys holds the ring that is valid now, and
// ends what a key had opened when it is revoked.
//
// A key is shown as a token and kept as its hash, so what is stored lets nobody in. The package knows neither Redis nor
// the services: those who keep keys and those who ask for them have only this in common.
package access
