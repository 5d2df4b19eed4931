package login

import (
	"errors"
	"fmt"
	"slices"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// NeededError means that a user has to log in, and that no login can start here.
type NeededError struct {
	Server string   // empty: no login at all is saved
	Reason string   // why no login can start
	Cause  error    // why the saved login cannot be used, or nil
	Shown  []string // the command that logs in, for callers that show one line; or nil
}

func (e *NeededError) Error() string {
	if e.Server == "" {
		return "no login is saved"
	}
	words := fmt.Sprintf("a login to %s is needed, but cannot start here: %s", e.Server, e.Reason)
	switch cause := oauth.AsError(e.Cause); {
	case cause != nil && cause.Saved != oauth.LoginUsable && cause.Problem != "":
		words = fmt.Sprintf("%s, and no new login to %s can start here: %s", cause.Problem, e.Server, e.Reason)
	case cause != nil && cause.Saved != oauth.LoginUsable:
		words = fmt.Sprintf("the server no longer accepts the saved login to %s, and a new login cannot start here: %s", e.Server, e.Reason)
	case cause != nil:
		words += "; " + cause.Error()
	}
	if e.Shown != nil {
		words += "; log in with: " + config.Shown(e.Shown)
	}
	return words
}

// Unwrap returns the cause.
func (e *NeededError) Unwrap() error { return e.Cause }

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
