package main

import (
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"
)

// printTable prints a line for each row.
func printTable(w io.Writer, results []*result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "row\tratio\tquartiles\tcpu\tms\tRSS MiB\tMB\tgoal\tverdict")
	for _, r := range results {
		lower, median, upper := r.quartiles()
		_, _ = fmt.Fprintf(t, "%s\t%.2f\t%.2f–%.2f\t%s\t%.2f\t%s\t%s\t%s\t%s\n",
			r.name, median, lower, upper, r.processor(), 1e3*r.time().Seconds(), r.memory(), r.megabytes(), r.limits(), r.verdict())
	}
	return t.Flush()
}

// processor is the ratio of processor times.
func (r *result) processor() string {
	if len(r.cpu) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", quantile(r.cpu, 0.5))
}

// rssUnit is a MiB as getrusage(2) counts it.
func rssUnit() float64 {
	if runtime.GOOS == "darwin" {
		return 1 << 20
	}
	return 1 << 10
}

func (r *result) memory() string {
	if r.rss == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", float64(r.rss)/rssUnit())
}

func (r *result) megabytes() string {
	if r.size == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", float64(r.size)/1e6)
}

func (r *result) limits() string {
	switch {
	case r.goal == 0:
		return "-"
	case r.gate > r.goal:
		return fmt.Sprintf("%.2f, at most %.2f", r.goal, r.gate)
	}
	return fmt.Sprintf("%.2f", r.goal)
}
