package main

import (
	"fmt"
	"html"
	"math"
	"os"
	"strings"
)

// The measures of the drawing, in pixels.
const (
	line   = 22
	labels = 270 // to the left of the bars
	width  = 900
)

// draw writes the rows as a bar chart: a bar to the median, a line over the
// quartiles, a mark where the goal is. A bar that leaves the chart is cut.
func draw(file string, results []*result) error {
	var s strings.Builder
	_, _ = fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13">`+"\n", width, line*(len(results)+2))
	_, _ = fmt.Fprintf(&s, `<rect width="100%%" height="100%%" fill="white"/><text x="8" y="%d">A call's time, in Go hello worlds; the bar is the median, the line the quartiles, the red mark the goal</text>`+"\n", line-6)
	for i, r := range results {
		bar(&s, line*(i+1), r)
	}
	s.WriteString("</svg>\n")
	return os.WriteFile(file, []byte(s.String()), 0o644)
}

func bar(s *strings.Builder, y int, r *result) {
	lower, median, upper := r.quartiles()
	_, _ = fmt.Fprintf(s, `<text x="%d" y="%d" text-anchor="end">%s</text>`, labels-8, y+15, html.EscapeString(r.name))
	_, _ = fmt.Fprintf(s, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="#7aa6da"/>`, labels, y+3, x(median)-labels, line-8)
	_, _ = fmt.Fprintf(s, `<path d="M%.1f %d H%.1f" stroke="black"/>`, x(lower), y+line/2-1, x(upper))
	if r.goal > 0 {
		_, _ = fmt.Fprintf(s, `<path d="M%.1f %d v%d" stroke="red" stroke-width="2"/>`, x(r.goal), y+2, line-6)
	}
	_, _ = fmt.Fprintf(s, `<text x="%.1f" y="%d">%.2f</text>`+"\n", x(max(upper, r.goal))+6, y+15, median)
}

// x is where a ratio lies: most are about 2, some peers beyond 10.
func x(ratio float64) float64 {
	const most = 12
	return labels + math.Min(ratio, most)/most*(width-labels-60)
}
