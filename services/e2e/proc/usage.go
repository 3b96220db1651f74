package proc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Memory is what a process has in memory, in bytes, as the kernel counts it. Binaries built with the race detector take
// several times what others do.
type Memory struct {
	Now int64
	// Peak is the most since the process began, or since ForgetPeak.
	Peak int64
}

// Memory of the process.
func (p *Process) Memory() Memory {
	p.t.Helper()
	status, err := os.ReadFile(p.file("status"))
	if err != nil {
		p.t.Fatal(err)
	}
	var m Memory
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			m.Now = kib << 10
		case "VmHWM":
			m.Peak = kib << 10
		}
	}
	return m
}

// ForgetPeak lets the peak begin again with what is in memory now (proc(5): clear_refs).
func (p *Process) ForgetPeak() {
	p.t.Helper()
	if err := os.WriteFile(p.file("clear_refs"), []byte("5"), 0); err != nil {
		p.t.Fatal(err)
	}
}

// Descriptors is how many files and sockets the process has open.
func (p *Process) Descriptors() int {
	p.t.Helper()
	open, err := os.ReadDir(p.file("fd"))
	if err != nil {
		p.t.Fatal(err)
	}
	return len(open)
}

func (p *Process) file(name string) string { return fmt.Sprintf("/proc/%d/%s", p.Pid(), name) }
