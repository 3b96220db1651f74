package control

import (
	"slices"

	"millrace.dev/pkg/access"
)

// mostGraves bounds the ids that are remembered: as many as there may be keys.
const mostGraves = MostKeys

// graves holds the ids of keys that were seen to go. A Redis that was restored from a dump may hold them again.
type graves struct {
	ids   map[string]bool
	order []string // the oldest first
}

// fill takes those that were in force before and are not now.
func (g *graves) fill(before, now []access.Key) {
	left := make(map[string]bool, len(now))
	for _, k := range now {
		left[k.ID] = true
	}
	for _, k := range before {
		if !left[k.ID] {
			g.add(k.ID)
		}
	}
}

func (g *graves) add(id string) {
	if g.ids == nil {
		g.ids = map[string]bool{}
	}
	if g.ids[id] {
		return
	}
	if len(g.order) >= mostGraves {
		delete(g.ids, g.order[0])
		g.order = slices.Delete(g.order, 0, 1)
	}
	g.ids[id] = true
	g.order = append(g.order, id)
}

// keepShut parts keys into those that may open, and the ids of those that are gone.
func (g *graves) keepShut(keys []access.Key) (open []access.Key, gone []string) {
	for _, k := range keys {
		if g.ids[k.ID] {
			gone = append(gone, k.ID)
		} else {
			open = append(open, k)
		}
	}
	return open, gone
}
