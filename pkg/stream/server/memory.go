package server

import (
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// memory is how many bytes this process may use: the machine's, or less where a cgroup (v2 or v1) or one above it says
// so. 0: can't be read, as outside Linux. files is the machine's root.
func memory(files fs.FS) uint64 {
	least := min(machineMemory(files), cgroupMemory(files))
	if least == math.MaxUint64 {
		return 0
	}
	return least
}

// machineMemory is the line "MemTotal:   16323816 kB".
func machineMemory(files fs.FS) uint64 {
	text, _ := fs.ReadFile(files, "proc/meminfo")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			if kib := number(strings.TrimSuffix(strings.TrimSpace(rest), " kB")); kib < math.MaxUint64/1024 {
				return kib * 1024
			}
		}
	}
	return math.MaxUint64
}

// cgroupMemory is the least limit on the way from our cgroup to the root. Lines of /proc/self/cgroup are
// "0::/path" in v2 and "5:memory:/path" in v1.
func cgroupMemory(files fs.FS) uint64 {
	text, _ := fs.ReadFile(files, "proc/self/cgroup")
	least := uint64(math.MaxUint64)
	for line := range strings.Lines(string(text)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, ok := strings.Cut(rest, ":")
		switch {
		case !ok:
		case controllers == "":
			least = min(least, limitAbove(files, "sys/fs/cgroup", group, "memory.max"))
		case strings.Contains(","+controllers+",", ",memory,"):
			least = min(least, limitAbove(files, "sys/fs/cgroup/memory", group, "memory.limit_in_bytes"))
		}
	}
	return least
}

// limitAbove goes from a group up to the root. In a container the path may be the host's, of which only the root is
// there: what is missing limits nothing.
func limitAbove(files fs.FS, root, group, file string) uint64 {
	least := uint64(math.MaxUint64)
	for at := path.Clean("/" + group); ; at = path.Dir(at) {
		text, _ := fs.ReadFile(files, path.Join(root, at, file))
		least = min(least, number(strings.TrimSpace(string(text))))
		if at == "/" {
			return least
		}
	}
}

// number is without limit for "max" and for what is missing.
func number(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return math.MaxUint64
	}
	return n
}
