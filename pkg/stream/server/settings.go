package server

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
)

// command is Redis with its settings on standard input and the folder's lock.
func (c *child) command(lock *os.File, out *output) *exec.Cmd {
	cmd := exec.Command(c.program, "-")
	cmd.Stdin = strings.NewReader(settings(c.dir, c.at, memory(os.DirFS("/"))/4))
	cmd.Stdout, cmd.Stderr = out, out
	cmd.ExtraFiles = []*os.File{lock}
	return cmd
}

// settings is the child's configuration file. Each append is on the disk before its answer; nothing is evicted: a full
// server refuses, and drains. maxMemory 0 means no limit: this machine's memory could not be read.
func settings(dir string, at address, maxMemory uint64) string {
	var b strings.Builder
	set := func(name string, value any) { fmt.Fprintf(&b, "%s %s\n", name, quote(fmt.Sprint(value))) }
	set("dir", dir)
	set("appendonly", "yes")
	set("appendfsync", "always")
	set("no-appendfsync-on-rewrite", "no")
	set("save", "")
	set("maxmemory", maxMemory)
	set("maxmemory-policy", "noeviction")
	set("daemonize", "no")
	set("always-show-logo", "no")
	set("tcp-backlog", 128) // the kernel's usual limit; more is a warning at each start
	listen(at, set)
	return b.String()
}

func listen(at address, set func(name string, value any)) {
	if at.socket != "" {
		set("port", 0)
		set("unixsocket", at.socket)
		set("unixsocketperm", 700)
		return
	}
	host, port, _ := net.SplitHostPort(at.loopback) // made by freePort
	set("bind", host)
	set("port", port)
	set("requirepass", at.password)
}

// quote writes a value as Redis's configuration files take it: \xHH for whatever is not plain.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\x%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
