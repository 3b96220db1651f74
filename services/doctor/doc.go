// Package doctor says what is wrong with the pipeline: a table of pure rules, from a snapshot to findings.
//
//	gateway, worker ── figures ──▶ stats ── Snapshot ──▶ Examine ── Findings ──▶ Course ──▶ page, API, millrace doctor
//
// Who takes a snapshot measures (stats once a second, package probe when stats is away, a file for
// `millrace doctor --from`), and says of each part that it has not measured why. Examine applies the rules to
// it; Course, which remembers earlier samples, decides what is raised. Nothing here reads a clock, a
// network or a file.
//
// What it promises: a missing measurement is unknown, never ok; the root cause comes first, and what follows
// from it is skipped because of it; two bad samples raise a finding and one good one clears it; every finding
// carries the number that was measured, what it means for the data, and a remedy.
package doctor
