package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// describeMachine prints what the figures were measured on.
func describeMachine(w io.Writer) error {
	redis, err := exec.Command("redis-server", "--version").Output()
	if err != nil {
		return fmt.Errorf("redis-server: %w (Debian: apt-get install redis-server)", err)
	}
	fsync, err := fsyncTimes(200)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s, %d cores, %s memory, %s\n", field("/proc/cpuinfo", "model name"), runtime.NumCPU(),
		field("/proc/meminfo", "MemTotal"), runtime.Version())
	fmt.Fprintf(w, "%s, append-only file not rewritten meanwhile\n", strings.TrimSpace(string(redis)))
	fmt.Fprintf(w, "fsync of 4 KiB: p50 %v, p99 %v\n", round(fsync[len(fsync)/2]), round(fsync[len(fsync)*99/100]))
	return nil
}

// fsyncTimes are the sorted times of n appends of 4 KiB with fsync: the least that a durable acknowledgement costs.
func fsyncTimes(n int) ([]time.Duration, error) {
	f, err := os.CreateTemp("", "millrace-fsync")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block, times := make([]byte, 4<<10), make([]time.Duration, n)
	for i := range times {
		began := time.Now()
		if _, err := f.Write(block); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return times, nil
}

// field is the value of a line "name : value" of a file in /proc.
func field(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return "unknown " + name
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown " + name
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
