package server

import (
	"testing"
	"testing/fstest"
)

func TestMemoryIsTheLeastLimit(t *testing.T) {
	const machine = "MemTotal:       2048 kB\nMemFree: 1 kB\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  uint64
	}{
		{"nothing can be read", nil, 0},
		{"no cgroup", map[string]string{"proc/meminfo": machine}, 2 << 20},
		{"v2, no limit", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n",
		}, 2 << 20},
		{"v2, our own limit", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "4096\n", "sys/fs/cgroup/a/memory.max": "max\n",
		}, 4096},
		{"v2, a limit above us", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "8192\n",
		}, 8192},
		{"v2, a container with the host's path", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "0::/../../host/path\n", "sys/fs/cgroup/memory.max": "16384\n",
		}, 16384},
		{"v1", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "5:cpu,memory:/a\n1:name=systemd:/x\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "4096\n",
		}, 4096},
		{"v1, no limit", map[string]string{
			"proc/meminfo": machine, "proc/self/cgroup": "5:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 2 << 20},
		{"a limit without a machine", map[string]string{
			"proc/meminfo": "MemTotal: what\n", "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "4096\n",
		}, 4096},
		{"garbage", map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "\n:\n0\n"}, 2 << 20},
	} {
		files := fstest.MapFS{}
		for name, text := range c.files {
			files[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := memory(files); got != c.want {
			t.Errorf("%s: %d bytes, want %d", c.name, got, c.want)
		}
	}
}
