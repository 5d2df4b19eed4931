package execcredtest

import (
	"context"
	"errors"
	"testing"
)

// Verdict is what a case comes to.
type Verdict string

const (
	OK       Verdict = "ok"
	Differs  Verdict = "differs"   // a client sees what it should not
	NotTried Verdict = "not tried" // for want of something that is not the plugin's
)

// Case is one thing that is asked of every plugin that gives out a token without
// a person: one that is logged in.
type Case struct {
	Name        string
	Requirement string // what clients rely on, in a sentence
	Source      string // where that is written

	// check says what was to be seen, or in its error what differs.
	check func(context.Context, Plugin) (saw string, err error)
}

// Result is what came of a case. No token is in it, if the plugin tells none on
// stderr.
type Result struct {
	Case    Case
	Verdict Verdict
	Detail  string // what a client sees, where it has words for it in its own
}

// errNotTried is why a case is not tried.
type errNotTried string

func (e errNotTried) Error() string { return string(e) }

// Check tries the case on a plugin. It may be called from one place of a process
// at a time: meanwhile the process's stderr is another, because client-go leaves
// it to the plugin. Where stdin is a terminal, so is the plugin's in the cases
// that are about one.
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

// Test fails t where a client would see something else from the plugin than it
// should. t may not be parallel.
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
