//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"
)

const format = "%-26s %-44s %9s %8s %8s %6s %5s %9s %7s  %s"

func heading() string {
	return fmt.Sprintf(format, "row", "injected", "processes", "browsers", "requests", "reuse", "lost", "slowest", "memory", "verdict")
}

// line is a row's part of the table, and beneath it why it failed.
func (t *trial) line(r row) string {
	verdict := "ok"
	switch {
	case len(t.problems) > 0:
		verdict = "FAILED"
	case t.missing != "":
		verdict = "not here: " + t.missing
	}
	text := fmt.Sprintf(format, r.name, r.injected, fmt.Sprint(t.processes), fmt.Sprint(t.browsers), fmt.Sprint(t.requests), fmt.Sprint(t.reuse), fmt.Sprint(t.lost),
		seconds(t.slowest), fmt.Sprintf("%d MiB", (t.peak+1023)/1024), verdict)
	for _, note := range t.notes {
		text += "\n    " + note
	}
	if len(t.problems) == 0 {
		return text
	}
	text += "\n    promised: " + r.promise
	const shown = 5
	for i, problem := range t.problems {
		if i == shown {
			return fmt.Sprintf("%s\n    and %d more", text, len(t.problems)-shown)
		}
		text += "\n    " + strings.ReplaceAll(strings.TrimSpace(problem), "\n", "\n      ")
	}
	return text
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
