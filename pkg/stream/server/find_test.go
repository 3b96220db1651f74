package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFindChoosesInOrder(t *testing.T) {
	none, both, valkey := folder(t), folder(t), folder(t)
	for _, path := range []string{both + "/redis-server", both + "/valkey-server", valkey + "/valkey-server"} {
		must(t, os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700))
	}
	for _, c := range []struct {
		name, url, path, says, prefix string
		durable                       bool
	}{
		{"a URL before all else", "redis://u:secret@example.org:1", both, "Redis at redis://u:xxxxx@example.org:1: what a restart keeps is up to its own settings", "redis://u:secret@", false},
		{"a program of this machine", "", both, "redis-server as a child, its data in /data/redis: a restart keeps everything", "unix:///data/redis/", true},
		{"the other program", "", valkey, "valkey-server as a child, its data in /data/redis: a restart keeps everything", "unix:///data/redis/", true},
		{"nothing there", "", none, "embedded Redis, in memory only: a restart loses everything (install redis-server to keep it)", "redis://:", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("PATH", c.path)
			s, err := Find(c.url, "/data", nil)
			must(t, err)
			if s.Describe() != c.says || s.Durable() != c.durable || !strings.HasPrefix(s.URL(), c.prefix) {
				t.Errorf("%q, durable %v, at %s", s.Describe(), s.Durable(), s.URL())
			}
		})
	}
}

func TestAChildNeedsAFolder(t *testing.T) {
	if _, err := Find("", "", nil); err == nil || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("Find without a folder: %v", err)
	}
}

func TestGivenServerRunsUntilItsContextEnds(t *testing.T) {
	s, err := Find("redis://localhost", "", nil)
	must(t, err)
	begin(t, s).end(t)
}

func TestDefaultDir(t *testing.T) {
	for _, c := range []struct{ data, home, want string }{
		{"/d", "/h", "/d/millrace"},
		{"", "/h", "/h/.local/share/millrace"},
		{"relative", "/h", "/h/.local/share/millrace"},
		{"", "", ""},
	} {
		environment := map[string]string{"XDG_DATA_HOME": c.data, "HOME": c.home}
		got, err := DefaultDir(func(name string) string { return environment[name] })
		if filepath.ToSlash(got) != c.want || (err != nil) != (c.want == "") {
			t.Errorf("DefaultDir with %v: %q, %v; want %q", environment, got, err, c.want)
		}
		if err != nil && !strings.Contains(err.Error(), "--data-dir") {
			t.Errorf("%v: does not say what to do", err)
		}
	}
}
