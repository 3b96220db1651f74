//go:build !linux

package process

import "syscall"

// attributes outside Linux: no kernel ends the program for us, so it outlives a parent that is killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
