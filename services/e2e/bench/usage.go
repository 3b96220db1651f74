package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ticks is the unit of /proc/<pid>/stat: USER_HZ, 100 a second on Linux.
const ticks = 10 * time.Millisecond

// cpuTimes is the processor time that each process has used so far, the generator's (ours) included.
func (p *pipeline) cpuTimes() map[string]time.Duration {
	times := map[string]time.Duration{"generator": ownTime()}
	for _, m := range p.members {
		times[m.name] = cpuTime(m.cmd.Process.Pid)
	}
	return times
}

func cpuTime(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name may hold spaces
	f := strings.Fields(rest)
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * ticks
}

func ownTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident is the memory of a process in bytes, as the kernel counts it.
func resident(pid int) int64 {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

func (p *pipeline) pid(name string) int {
	for _, m := range p.members {
		if m.name == name {
			return m.cmd.Process.Pid
		}
	}
	return 0
}
