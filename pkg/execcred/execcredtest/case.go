package execcredtest

import (
	"context"
	"errors"
	"testing"
)

// Verdict is the result of a case in one word.
type Verdict string

// The verdicts.
const (
	OK       Verdict = "ok"
	Differs  Verdict = "differs"   // the plugin does not meet the requirement
	NotTried Verdict = "not tried" // something outside of the plugin is missing
)

// Case is one requirement for every plugin that prints a token without a user, which means
// that it is logged in.
type Case struct {
	Name        string
	Requirement string // the requirement, in one sentence
	Source      string // the URL of its specification

	// check says what was to be seen, or in its error what differs.
	check func(context.Context, Plugin) (saw string, err error)
}

// Result is the result of a case. It contains no token, unless the plugin writes one to
// stderr.
type Result struct {
	Case    Case
	Verdict Verdict
	Detail  string // what a client sees, in the client's own words if it has some
}

// errNotTried is the reason why a case was not tried.
type errNotTried string

func (e errNotTried) Error() string { return string(e) }

// Check tries the case on a plugin. It must not be called concurrently in a process: it
// replaces the process's stderr, which client-go passes to the plugin. In the cases about a
// terminal, the plugin's stdin is the terminal of the process if it has one.
func (c Case) Check(ctx context.Context, p Plugin) Result {
	saw, err := c.check(ctx, p)
	var not errNotTried
	switch {
	case errors.As(err, &not):
		return Result{c, NotTried, err.Error()}
	case err != nil:
		return Result{c, Differs, err.Error()}
	}
	return Result{c, OK, saw}
}

// Test runs all cases as subtests of t. A case fails if the plugin does not meet the
// requirement. t must not be parallel.
func Test(t *testing.T, p Plugin) {
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			switch f := c.Check(t.Context(), p); f.Verdict {
			case NotTried:
				t.Skip(f.Detail)
			case Differs:
				t.Errorf("%s\n(%s)\n%s", c.Requirement, c.Source, f.Detail)
			default:
				t.Log(f.Detail)
			}
		})
	}
}
