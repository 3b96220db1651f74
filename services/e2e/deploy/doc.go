// Package deploy tests what lies in the folder of that name, as far as it goes without containers: nginx in front of a
// gateway, by the configuration that compose uses, and what compose files say of who may do what.
package deploy
