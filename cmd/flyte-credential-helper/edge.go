package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// program is what the program calls itself.
const program = "flyte-credential-helper"

// The exit statuses.
const (
	exitOK        = 0
	exitFailed    = 1
	exitUsage     = 2
	exitLogin     = 3 // a login is needed and may not be started here
	exitRefused   = 4 // the person or the server said no
	exitTemporary = 5
	exitStore     = 6
)

// usageError is a command line or configuration that cannot be obeyed.
type usageError struct{ problem, hint string }

func (e *usageError) Error() string { return e.problem }

func usage(hint, format string, args ...any) error {
	return &usageError{problem: fmt.Sprintf(format, args...), hint: hint}
}

// loginNeeded means that only a person can go on, and none can be asked here.
type loginNeeded struct {
	where, reason string
	cause         error  // why the saved login does not help, or nil
	command       string // what to run, for who sees one line only; or empty
}

func (e *loginNeeded) Error() string {
	if e.where == "" {
		return "nobody is logged in"
	}
	words := fmt.Sprintf("a login to %s is needed, and none can start here: %s", e.where, e.reason)
	switch cause := oauth.AsError(e.cause); {
	case cause != nil && cause.Saved != oauth.LoginUsable:
		words = fmt.Sprintf("the server no longer accepts the saved login to %s, and no new one can start here: %s", e.where, e.reason)
	case cause != nil:
		words += "; " + cause.Error()
	}
	if e.command != "" {
		words += "; log in with: " + e.command
	}
	return words
}

// Unwrap returns the refusal.
func (e *loginNeeded) Unwrap() error { return e.cause }

// outcome turns an error into the exit status and the hint that goes with it.
// login is the command that would log in.
func outcome(err error, login string) (code int, hint string) {
	var (
		interrupted interruptError
		wrong       *usageError
		needed      *loginNeeded
		store       *cache.StoreError
		unproven    *unprovenError
		guarded     *flyte.GuardedError
	)
	switch {
	case errors.As(err, &interrupted):
		return 128 + int(interrupted.signal), ""
	case errors.As(err, &wrong):
		return exitUsage, wrong.hint
	case errors.As(err, &needed) && needed.where == "":
		return exitLogin, ""
	case errors.As(err, &needed):
		return exitLogin, login
	case errors.As(err, &store):
		return exitStore, store.Hint
	case errors.As(err, &guarded) && strings.Contains(login, " --proxy-command"):
		return exitRefused, "" // it gave a token, and not the right one
	case errors.As(err, &guarded):
		return exitRefused, login + " --proxy-command COMMAND"
	case errors.Is(err, errSaidNo):
		return exitRefused, ""
	case errors.As(err, &unproven):
		return exitFailed, program + " setup " + unproven.caller + " --undo"
	case errors.Is(err, cache.ErrBusy), errors.Is(err, context.DeadlineExceeded):
		return exitTemporary, ""
	}
	if e := oauth.AsError(err); e != nil {
		return outcomeOf(e, login)
	}
	return exitFailed, ""
}

// outcomeOf is outcome for the failure of a request or login.
func outcomeOf(e *oauth.Error, login string) (code int, hint string) {
	switch e.Class {
	case oauth.ClassConfig:
		if e.Setting == "scope" {
			return exitUsage, login + " --scope openid"
		}
		return exitUsage, "see --" + e.Setting + " in: " + program + " --help"
	case oauth.ClassUntrusted:
		if strings.Contains(login, " --ca-file") {
			return exitTemporary, "see --ca-file in: " + program + " --help" // it names another authority
		}
		return exitTemporary, login + " --ca-file FILE"
	case oauth.ClassUnanswered:
		return exitTemporary, login
	case oauth.ClassTemporary, oauth.ClassLocal:
		return exitTemporary, ""
	case oauth.ClassRefused:
		if e.Saved != oauth.LoginUsable {
			return exitRefused, login
		}
		return exitRefused, refusedHint(e.Code, login)
	}
	return exitFailed, ""
}

// refusedHint names the setting that a refusal is about.
func refusedHint(code, login string) string {
	for _, h := range []struct{ code, setting string }{
		{"invalid_client", "--client-id and --client-secret-file"},
		{"unauthorized_client", "--client-id"},
		{"invalid_scope", "--scope"},
		{"invalid_target", "--resource and --audience"},
		{"unsupported_grant_type", "--issuer"},
		{"unsupported_response_type", "--issuer"},
		{"invalid_request", "--redirect-uri, --auth-param and --audience"},
	} {
		if h.code == code {
			return "see " + h.setting + " in: " + program + " --help"
		}
	}
	return login
}

// longestSentence is the number of characters of an error that are shown.
const longestSentence = 2000

// sentence is an error in one line. Of several that are alike it has one.
func sentence(err error) string {
	var all []string
	for text := range strings.Lines(err.Error()) {
		if text = strings.Join(strings.Fields(text), " "); text != "" && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	line := []rune(program + ": " + strings.Join(all, "; "))
	if len(line) > longestSentence {
		line = append(line[:longestSentence], '…')
	}
	return string(line)
}

// report writes an error as one line, and the hint as another.
func report(w world, err error, hint string) {
	line := sentence(err) + "\n"
	if hint != "" {
		line += "hint: " + hint + "\n"
	}
	_, _ = w.stderr.Write([]byte(line))
}
