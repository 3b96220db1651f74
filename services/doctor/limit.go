package doctor

// Limit is a number that separates one verdict from another.
type Limit struct {
	// Name is unique among all rules.
	Name string
	// Unit in which Default and Floor are given: s, %, ms, …
	Unit    string
	Default float64
	// Floor is the least that it can be set to: below it healthy systems would raise the rule.
	Floor float64
}

// Limits are values by the name of the limit. In Examine's argument only those that differ from their
// defaults have to be there; a rule sees all of its own. Nil: all defaults.
type Limits map[string]float64

// of returns the values of a rule's limits: as set, else their defaults, never below the floor.
func (l Limits) of(r Rule) Limits {
	values := make(Limits, len(r.Limits))
	for _, limit := range r.Limits {
		v, set := l[limit.Name]
		if !set {
			v = limit.Default
		}
		values[limit.Name] = max(v, limit.Floor)
	}
	return values
}
