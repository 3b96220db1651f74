package survey

import (
	"encoding/json"
	"testing"
	"time"
)

// A reply is understood or refused: no word of it, of a hash that somebody wrote into by hand or of a newer script,
// breaks a survey.
func FuzzReply(f *testing.F) {
	for _, reply := range []string{
		`["e","1700000000000",["accepted","5","bytes","9"],"1","1-5",[],"0",[]]`,
		`["e","1700000000000",["accepted","5","processed:p","5"],"1","1-5",[["p","0-0","1-5","","0","0","0",["w","0","1"]]],"1",["n:a","5","other","1"]]`,
		`["e","0",["accepted","5"],"1","1-5",[["p","1-1","","1-5","2","1","9",["w","3","0"]]],"501",[]]`,
		`["","0",[],"0","",[],"0",[]]`, `[]`, `[1,2,3,4,5,6,7,8]`, `["e","x",["a"],"-1","",[[]],"0",[1,2]]`,
		`["e","0",["accepted","18446744073709551615"],"1","1",[["p","x","5","y","18446744073709551615","0","1",["w"]]],"0",null]`,
	} {
		f.Add([]byte(reply))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var r reply
		if json.Unmarshal(b, &r) != nil {
			return
		}
		p, leases, err := r.partition(3, time.UnixMilli(1700000000000))
		if err != nil {
			return
		}
		if p.Number != 3 || p.Groups == nil || p.Ledger.Pipelines == nil || len(p.Groups) != len(p.Ledger.Pipelines) {
			t.Fatalf("%s is read as %+v", b, p)
		}
		for _, l := range leases {
			if _, known := p.Groups[l.Pipeline]; !known || l.Partition != 3 {
				t.Fatalf("%s: %+v is nobody's lease", b, l)
			}
		}
		for name := range p.Groups {
			p.Ledger.Missing(name)
		}
	})
}

// What Redis says of itself is read line by line; a figure that is none stays unknown.
func FuzzInfo(f *testing.F) {
	f.Add("# Server\r\nredis_version:7.0.15\r\nused_memory:1048576\r\n\r\n# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n")
	f.Add("used_memory:-1\nmaxmemory:1e9\nconnected_clients:\n:\n::")
	f.Fuzz(func(t *testing.T, text string) {
		var s Server
		s.read(parseInfo(text))
		facts := parseInfo(text)
		for name, n := range map[string]*uint64{"used_memory": s.UsedMemory, "maxmemory": s.MaxMemory, "connected_clients": s.Clients} {
			if _, there := facts[name]; !there && n != nil {
				t.Fatalf("%q: %s is %d", text, name, *n)
			}
		}
	})
}
