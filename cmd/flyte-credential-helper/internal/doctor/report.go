package doctor

import (
	"fmt"
	"strings"

	"github.com/kballard/go-shellquote"
)

// Failed reports whether one of the findings is a failure.
func Failed(findings []Finding) bool {
	first, failures, _ := count(findings)
	return first != nil && failures > 0
}

// Text writes one line for each finding, and a summary.
func Text(findings []Finding) string {
	var b strings.Builder
	for _, f := range findings {
		label := string(f.Level)
		if f.Level == Failure {
			label = "FAIL"
		}
		fmt.Fprintf(&b, "%-5s %s: %s\n", label, f.Step, f.State)
		if f.Problem != "" {
			fmt.Fprintf(&b, "      %s\n", f.Problem)
		}
		if f.Fix != "" {
			fmt.Fprintf(&b, "      fix: %s\n", f.Fix)
		}
	}
	return b.String() + "\n" + summary(findings) + "\n"
}

// summary names the first failure or, without one, the first warning: the others may be its
// consequences.
func summary(findings []Finding) string {
	first, failures, warnings := count(findings)
	if first == nil {
		return "no problems"
	}
	text := plural(failures, "problem")
	if failures == 0 {
		text = "no problems"
	}
	if warnings > 0 {
		text += ", " + plural(warnings, "warning")
	}
	text += "; first: " + first.Step + ": " + first.Problem
	if first.Fix != "" {
		text += "; fix: " + first.Fix
	}
	return text
}

func count(findings []Finding) (first *Finding, failures, warnings int) {
	var warning *Finding
	for i, f := range findings {
		switch {
		case f.Level == Failure:
			failures++
			if first == nil {
				first = &findings[i]
			}
		case f.Level == Warning:
			warnings++
			if warning == nil {
				warning = &findings[i]
			}
		}
	}
	if first == nil {
		first = warning
	}
	return first, failures, warnings
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// quote makes a word fit for a shell.
func quote(word string) string { return shellquote.Join(word) }
