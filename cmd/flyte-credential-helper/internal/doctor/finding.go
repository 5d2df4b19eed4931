package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
)

// Level says how serious a finding is.
type Level string

// The levels.
const (
	OK      Level = "ok"
	Skipped Level = "skip" // it cannot be examined before an earlier finding is fixed
	Warning Level = "warn"
	Failure Level = "fail"
)

// Finding is what one check found. It has no secret. The JSON names are an interface for
// scripts.
type Finding struct {
	Step    string `json:"step"`
	State   string `json:"state"`
	Level   Level  `json:"level"`
	Problem string `json:"problem,omitempty"`
	// Fix repairs the problem, and Next only shows more about it. Each is a command, or a text if
	// there is no command.
	Fix  string `json:"fix,omitempty"`
	Next string `json:"next,omitempty"`
}

// oneLine makes text from outside fit for one line.
func oneLine(text string) string { return system.Printable(strings.Join(strings.Fields(text), " ")) }

func ok(format string, args ...any) Finding {
	return Finding{State: oneLine(fmt.Sprintf(format, args...)), Level: OK}
}

func skipped(why string) Finding {
	return Finding{State: "skipped: " + oneLine(why), Level: Skipped}
}

// at returns f with the name of its step, unless it has one.
func (f Finding) at(step string) Finding {
	f.Step = cmp.Or(f.Step, step)
	return f
}

// warning returns f as a warning. problem is a sentence without an end.
func (f Finding) warning(problem string, fix config.Hint) Finding {
	return f.with(Warning, problem, fix)
}

// failure returns f as a failure.
func (f Finding) failure(problem string, fix config.Hint) Finding {
	return f.with(Failure, problem, fix)
}

func (f Finding) with(level Level, problem string, fix config.Hint) Finding {
	text := system.Printable(strings.ReplaceAll(fix.String(), "\n", "  # or: "))
	if fix.Inspects {
		return Finding{Step: f.Step, State: f.State, Level: level, Problem: oneLine(problem), Next: text}
	}
	return Finding{Step: f.Step, State: f.State, Level: level, Problem: oneLine(problem + replacements(fix)), Fix: text}
}

// advice returns the fix or the next command, with a label, or "".
func (f Finding) advice() string {
	switch {
	case f.Fix != "":
		return "fix: " + f.Fix
	case f.Next != "":
		return "next: " + f.Next
	}
	return ""
}

// replacements says which value to put for each word of a fix that is not one.
func replacements(fix config.Hint) string {
	meanings := map[string]string{
		"AUDIENCE":                  "the audience that the server accepts",
		"COMMAND":                   "a command that prints a token for the proxy",
		"FILE":                      "a PEM file with the certificate of the authority",
		"ID":                        "the ID of a client that the authorization server knows",
		"https://login.example.com": "the URL of the authorization server",
		"flyte.example.com":         "your Flyte endpoint",
		"go.example.com":            "the host of your modules",
		"HOST":                      "the host of your cache",
	}
	var list []string
	for _, word := range fix.Command {
		if meaning := meanings[word]; meaning != "" {
			list = append(list, word+" is "+meaning)
		}
	}
	if list == nil {
		return ""
	}
	return " (in the fix, " + strings.Join(list, ", ") + ")"
}

// orElse returns another hint if there is none.
func orElse(hint, other config.Hint) config.Hint {
	if hint.String() == "" {
		return other
	}
	return hint
}

// Failed reports whether one of the findings is a failure.
func Failed(findings []Finding) bool { return len(only(findings, Failure)) > 0 }

func only(findings []Finding, level Level) []Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool { return f.Level != level })
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
		for _, line := range []string{f.Problem, f.advice()} {
			if line != "" {
				b.WriteString("      " + line + "\n")
			}
		}
	}
	return b.String() + "\n" + summary(findings) + "\n"
}

// summary names the first failure or, without one, the first warning: the others may be its
// consequences.
func summary(findings []Finding) string {
	failures, warnings := only(findings, Failure), only(findings, Warning)
	text := "no problems"
	if len(failures) > 0 {
		text = plural(len(failures), "problem")
	}
	if len(warnings) > 0 {
		text += ", " + plural(len(warnings), "warning")
	}
	both := slices.Concat(failures, warnings)
	if len(both) == 0 {
		return text
	}
	text += "; first: " + both[0].Step + ": " + both[0].Problem
	if advice := both[0].advice(); advice != "" {
		text += "; " + advice
	}
	return text
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func orNone(s string) string { return cmp.Or(s, "none") }
