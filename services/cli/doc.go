// Package cli is the operator's commands, one file each. Those that send go through pkg/client and the gateway;
// those that ask, through the gateway's HTTP; none touches Redis, but for keys, if nobody is left who may tell a gateway.
package cli
