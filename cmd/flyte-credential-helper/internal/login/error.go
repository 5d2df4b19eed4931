package login

import (
	"errors"
	"slices"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
)

// OneLineError is an error whose text has the command that logs in, for callers that show
// one line.
type OneLineError struct {
	Err     error
	Command []string
}

func (e *OneLineError) Error() string {
	return e.Err.Error() + "; log in with: " + config.Shown(e.Command)
}

// Unwrap returns the error.
func (e *OneLineError) Unwrap() error { return e.Err }

// CallError is an error of a call whose settings are known. It has what hints need.
type CallError struct {
	Err      error
	Settings *config.Resolved
	Login    []string // the words of the command that logs in with these settings
	// LoginAt returns that command with the login in another kind of store.
	LoginAt func(store string) []string
}

func (e *CallError) Error() string { return e.Err.Error() }

// Unwrap returns the error.
func (e *CallError) Unwrap() error { return e.Err }

// Explain wraps err in a [CallError], unless it is nil or has one already.
func Explain(err error, r *config.Resolved, p Policy, env system.Env) error {
	if err == nil || errors.As(err, new(*CallError)) {
		return err
	}
	return NewCallError(err, r, p, env)
}

// NewCallError wraps err for a call with other settings than those of the [CallError] that err
// may have.
func NewCallError(err error, r *config.Resolved, p Policy, env system.Env) *CallError {
	return &CallError{Err: err, Settings: r, Login: Command(r, p, env), LoginAt: func(store string) []string {
		return Command(r.With("store", store), p, env)
	}}
}

// Command returns the command line that logs in with the settings of this call.
func Command(r *config.Resolved, p Policy, env system.Env) []string {
	words := []string{config.Program, "login"}
	if p.Command != nil {
		words = append(words[:1], p.Command...)
	}
	words = append(words, r.GivenFlags()...)
	for _, name := range r.Inherited() {
		// A masked value cannot be pasted. If it comes from an environment variable, the command
		// reads it from there.
		if more := r.Flag(name); config.IsShownWhole(more) || r.Origin(name) != config.Environment {
			words = append(words, more...)
		}
	}
	if r.NamedInWorkingTree() != "" {
		words = append(words, r.Flag("endpoint")...)
	}
	forbidden := r.Origin("interactive") != config.FromCommandLine && loginForbidden(&r.Settings, env) != ""
	if forbidden || p.Explicit && r.Interactive == "always" { // otherwise the command would fail in the same way
		words = append(words, "--interactive", "always")
	}
	return slices.Clip(words)
}
