package main

import (
	"math"
	"slices"
	"time"
)

// result is what was measured of a row.
type result struct {
	name       string
	goal, gate float64
	size       int64     // of the binary, in bytes; 0: not of interest
	ratios     []float64 // by the clock
	cpu        []float64 // in processor time, which others at work disturb less
	times      []time.Duration
	rss        int64 // the highest peak, as the system counts it
}

func (r *result) add(m measurement) {
	r.ratios = append(r.ratios, m.clock.ratios()...)
	r.cpu = append(r.cpu, m.cpu.ratios()...)
	r.times = append(r.times, m.clock.own)
	r.rss = max(r.rss, m.rss)
}

// quartiles of the ratios. Extremes are some other process's doing.
func (r *result) quartiles() (lower, median, upper float64) {
	return quantile(r.ratios, 0.25), quantile(r.ratios, 0.5), quantile(r.ratios, 0.75)
}

func (r *result) time() time.Duration {
	ns := make([]float64, len(r.times))
	for i, t := range r.times {
		ns[i] = float64(t)
	}
	return time.Duration(quantile(ns, 0.5))
}

// quantile is the value below which the share q of list lies, or 0 of none.
func quantile(list []float64, q float64) float64 {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// interval is that in which the median of endless runs lies, of 19 such
// intervals in 20: ranks of the binomial distribution, whatever that of the ratios is.
// The two ratios of a run have one time in common, and so count as one.
func (r *result) interval() (lower, upper float64) {
	d := 0.98 / math.Sqrt(float64(max(len(r.times), 1)))
	return quantile(r.ratios, max(0.5-d, 0)), quantile(r.ratios, min(0.5+d, 1))
}

// verdict says what can be said of the goal: that the median reaches it, or the gate,
// where its interval lies clear of them; that it misses them where the quartiles do.
func (r *result) verdict() string {
	_, most := r.interval()
	lower, _, _ := r.quartiles()
	switch {
	case r.goal == 0 || len(r.ratios) == 0:
		return ""
	case most <= r.goal:
		return "meets goal"
	case most <= r.gate:
		return "within the gate"
	case lower > r.gate:
		return "misses it"
	}
	return "near"
}
