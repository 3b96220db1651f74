package telemetry

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// residentBytes is the memory that this process occupies: the second figure of /proc/self/statm, in pages.
func residentBytes() (uint64, error) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0, errors.New("/proc/self/statm: fewer than two figures")
	}
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	return pages * uint64(os.Getpagesize()), err
}

// machineBytes is the memory of the machine: MemTotal of /proc/meminfo.
func machineBytes() (uint64, error) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kib uint64
		if n, _ := fmt.Sscanf(lines.Text(), "MemTotal: %d kB", &kib); n == 1 {
			return kib << 10, nil
		}
	}
	return 0, errors.New("/proc/meminfo: no MemTotal")
}

// countDescriptors counts what this process has open. Devices, pipes and the like are neither.
func countDescriptors(ctx context.Context) (files, sockets int, err error) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0, 0, err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		info, err := os.Stat("/proc/self/fd/" + e.Name())
		if err != nil {
			continue // closed meanwhile
		}
		switch mode := info.Mode(); {
		case mode.IsRegular():
			files++
		case mode&fs.ModeSocket != 0:
			sockets++
		}
	}
	return files, sockets, nil
}
