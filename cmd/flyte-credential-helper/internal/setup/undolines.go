package setup

import (
	"bytes"
	"slices"
	"strings"
	"unicode"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
)

// hunk is a place where setup has changed a text, by lines.
type hunk struct {
	at        int // the line of the changed text
	took, put []string
}

// withoutLines is now without what made after of before: the lines that were put in are
// replaced by those that they were put in for, where they still stand as they were, and
// once. Those that somebody has taken out need no more. ok is false for all else.
func withoutLines(now, before, after []byte) (text []byte, ok bool) {
	left, was, set := linesOf(now), linesOf(before), linesOf(after)
	var found []hunk
	missed := false
	for _, h := range hunks(was, set, 0) {
		at, once := h.find(left, set)
		switch {
		case once:
			kept, ok := h.kept(left[at:], set[h.at:])
			if !ok {
				return nil, false
			}
			found = append(found, hunk{at + kept, h.took, h.put[kept:]})
		case h.gone(left, was):
			missed = true
		default:
			return nil, false
		}
	}
	slices.SortFunc(found, func(a, b hunk) int { return b.at - a.at })
	for _, h := range found {
		left = slices.Replace(left, h.at, h.at+len(h.put), h.took...)
	}
	text = textOf(left, now, before)
	named := bytes.Count(text, []byte(config.Program)) > bytes.Count(before, []byte(config.Program))
	return text, !missed || !named
}

func linesOf(text []byte) []string {
	if len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// textOf ends as now did. Without lines it is what before was without.
func textOf(lines []string, now, before []byte) []byte {
	switch {
	case len(lines) == 0 && before == nil:
		return nil
	case len(lines) == 0 || !bytes.HasSuffix(now, []byte("\n")):
		return []byte(strings.Join(lines, "\n"))
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

// hunks are what made after, which begins at a line, of before.
func hunks(before, after []string, at int) []hunk {
	for len(before) > 0 && len(after) > 0 && before[0] == after[0] {
		before, after, at = before[1:], after[1:], at+1
	}
	for len(before) > 0 && len(after) > 0 && before[len(before)-1] == after[len(after)-1] {
		before, after = before[:len(before)-1], after[:len(after)-1]
	}
	if len(before)+len(after) == 0 {
		return nil
	}
	for j, line := range after {
		if i := places(before, []string{line}); len(i) == 1 && len(places(after, []string{line})) == 1 {
			return append(hunks(before[:i[0]], after[:j], at), hunks(before[i[0]:], after[j:], at+j)...)
		}
	}
	return []hunk{{at, before, after}}
}

// places are the lines where block begins.
func places(lines, block []string) (at []int) {
	for i := 0; i+len(block) <= len(lines); i++ {
		if slices.Equal(lines[i:i+len(block)], block) {
			at = append(at, i)
		}
	}
	return at
}

// find is where the lines stand in now that were put into after: with as many around
// them as it takes to be found once.
func (h hunk) find(now, after []string) (at int, once bool) {
	around := 0
	if len(h.put) == 0 {
		around = 1
	}
	for ; ; around++ {
		from, to := max(h.at-around, 0), min(h.at+len(h.put)+around, len(after))
		all := places(now, after[from:to])
		if len(all) == 1 && from < to {
			return all[0] + h.at - from, true
		}
		if len(all) == 0 || to-from == len(after) {
			return 0, false
		}
	}
}

// gone reports whether nothing is left of what was put in, and so to be taken out.
func (h hunk) gone(now, before []string) bool {
	words := false
	for _, line := range h.put {
		if !strings.ContainsFunc(line, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) || says(before, line) {
			continue
		}
		if words = true; says(now, line) {
			return false
		}
	}
	return words || len(places(now, h.took)) > 0
}

// says reports whether one of lines is that line, however it is indented.
func says(lines []string, line string) bool {
	line = strings.TrimSpace(line)
	return slices.ContainsFunc(lines, func(other string) bool { return strings.TrimSpace(other) == line })
}

// kept is how many of the lines that now and after begin with have to stay, because
// somebody has put others under them, which would come to stand elsewhere: none, or the
// one that begins a section. ok is false where that does not do.
func (h hunk) kept(now, after []string) (n int, ok bool) {
	next := firstOf(now[len(h.put):])
	if next == firstOf(after[len(h.put):]) {
		return 0, true
	}
	for i, line := range h.put {
		if depthOf(line) < depthOf(next) {
			n = i + 1
		}
	}
	return n, n == 0 || n == 1 && depthOf(h.put[0]) == 0 && len(h.took) == 0
}

// firstOf is the first of lines that is neither blank nor a comment, or empty.
func firstOf(lines []string) string {
	for _, line := range lines {
		if bare := strings.TrimSpace(line); bare != "" && bare[0] != '#' {
			return line
		}
	}
	return ""
}

// depthOf is how deep a line stands. An item of a list is deeper than the list's key,
// even where both are as far left.
func depthOf(line string) int {
	bare := strings.TrimLeft(line, " \t")
	depth := 2 * (len(line) - len(bare))
	if strings.HasPrefix(bare, "- ") {
		depth++
	}
	return depth
}
