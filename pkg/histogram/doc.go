// Package histogram measures durations on hot paths and does arithmetic on what was measured.
//
// A Recorder takes durations from any number of goroutines, in about 10 ns each. Its snapshot is a Histogram: a
// value that can be added to others, subtracted from a later one and asked for quantiles.
//
// Both are OpenTelemetry's exponential histograms (data model, "ExponentialHistogram") in seconds: the bucket with
// index i holds what is more than base^i and at most base^(i+1), with base = 2^(2^-scale). So a snapshot can be
// exported as it is. A Recorder's scale is fixed at 5, which is 32 buckets a doubling, each 2.2 % wide: then sum and
// difference are plain additions, and a quantile is wrong by less than 2 %.
package histogram
