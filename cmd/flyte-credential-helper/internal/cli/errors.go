package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/setup"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// The exit statuses.
const (
	exitOK        = 0
	exitFailed    = 1
	exitUsage     = 2
	exitLogin     = 3 // a login is needed but cannot start here
	exitRefused   = 4 // the user or the server refused
	exitTemporary = 5
	exitStore     = 6
)

// interruptError is the cause of a context that a signal ended.
type interruptError struct{ signal syscall.Signal }

func (e interruptError) Error() string { return "interrupted: " + e.signal.String() }

// Is reports Ctrl-C as the user's own decision. Another signal comes from a program, such
// as timeout(1).
func (e interruptError) Is(target error) bool {
	return target == oauth.ErrCanceled && e.signal == syscall.SIGINT
}

// Interrupted is the cause of a context that a signal ended.
func Interrupted(s syscall.Signal) error { return interruptError{s} }

// classify returns the exit status and the hint for an error. It is the only place that
// looks at the types of errors.
func classify(err error) (status int, hint config.Hint) {
	call := &login.CallError{Settings: &config.Resolved{}}
	errors.As(err, &call)
	var (
		interrupted interruptError
		wrong       *config.Error
		changed     *edit.ChangedError
		form        *edit.YAMLError
		locked      *edit.LockedError
		needed      *cache.LoginNeededError
		shown       *login.OneLineError
		store       *cache.StoreError
		guarded     *flyte.ProxyAuthRequiredError
		unconfirmed *login.UnconfirmedError
		notRevoked  *notRevokedError
	)
	switch {
	case errors.As(err, &notRevoked): // no command can revoke what is deleted
		status, _ = classify(notRevoked.err)
		return status, config.Hint{}
	case errors.As(err, &shown): // the message has the command
		status, _ = classify(shown.Err)
		return status, config.Hint{}
	case errors.As(err, &interrupted):
		return 128 + int(interrupted.signal), config.Hint{}
	case errors.As(err, &wrong):
		return exitUsage, wrong.Hint
	case errors.As(err, &form), errors.As(err, &changed):
		return exitUsage, config.Hint{}
	case errors.As(err, &locked):
		return exitUsage, config.Inspect("ls", "-l", locked.Lock)
	case errors.As(err, &needed) && needed.Server == "":
		return exitLogin, config.Hint{}
	case errors.As(err, &needed):
		return exitLogin, logIn(call)
	case errors.As(err, &store):
		return exitStore, storeHint(store, call)
	case errors.As(err, &unconfirmed):
		return exitRefused, config.Command(unconfirmed.Login...)
	case errors.As(err, &guarded) && call.Settings.IsGiven("proxy-command"):
		return exitRefused, config.Hint{} // the proxy rejected the command's token
	case errors.As(err, &guarded):
		return exitRefused, logIn(call, "--proxy-command", "COMMAND")
	case errors.Is(err, setup.ErrDeclined):
		return exitRefused, config.Hint{}
	case errors.Is(err, cache.ErrBusy), errors.Is(err, context.DeadlineExceeded):
		return exitTemporary, config.Hint{}
	}
	if e := oauth.AsError(err); e != nil {
		return classifyOAuth(e, call)
	}
	return exitFailed, config.Hint{}
}

// logIn returns the command that logs in with the settings of the call and more flags.
func logIn(call *login.CallError, more ...string) config.Hint {
	if call.Login == nil {
		return config.Hint{}
	}
	return config.Command(slices.Concat(call.Login, more)...)
}

// storeHint returns a command that selects another store. It uses the flag if the command
// line has it, because a flag overrides the environment variable.
func storeHint(e *cache.StoreError, call *login.CallError) config.Hint {
	switch {
	case e.Store == "":
		return config.Shell("%s", e.Hint)
	case call.Settings.Origin("store") == config.FromCommandLine:
		return config.Command(call.LoginAt(string(e.Store))...)
	}
	return config.Shell("export %s=%s", config.Variable("store"), e.Store)
}

// classifyOAuth is classify for the failure of a request or login.
func classifyOAuth(e *oauth.Error, call *login.CallError) (status int, hint config.Hint) {
	switch e.Class {
	case oauth.ClassConfig:
		if e.Setting == "scope" {
			return exitUsage, logIn(call, "--scope", "openid")
		}
		if call.Settings != nil && call.Settings.Origin(e.Setting) == config.FromProfile {
			return exitUsage, config.Edit(call.Settings.ProfileFile)
		}
		return exitUsage, see("--" + e.Setting)
	case oauth.ClassUntrusted:
		if call.Settings.IsGiven("ca-file") {
			return exitTemporary, see("--ca-file") // the file has another authority
		}
		return exitTemporary, logIn(call, "--ca-file", "FILE")
	case oauth.ClassUnanswered:
		return exitTemporary, logIn(call)
	case oauth.ClassTemporary, oauth.ClassLocal:
		return exitTemporary, proxyHint(e, call)
	case oauth.ClassRefused:
		if e.Saved != oauth.LoginUsable {
			return exitRefused, logIn(call)
		}
		return exitRefused, refusedHint(e.Code, call)
	}
	return exitFailed, config.Hint{}
}

// proxyHint returns the hint to give a proxy the password that it wants, or to a proxy's command
// that fails.
func proxyHint(e *oauth.Error, call *login.CallError) config.Hint {
	switch e.Setting {
	case "proxy-command":
		return see("--proxy-command")
	case "http-proxy":
	default:
		return config.Hint{}
	}
	name := "HTTPS_PROXY"
	if call.Settings != nil && call.Settings.HTTPProxy != "" {
		name = config.Variable("http-proxy")
	}
	return config.Shell("export %s=http://USER:PASSWORD@%s", name, e.Host)
}

// see returns the hint to read about settings in --help.
func see(settings string) config.Hint {
	return config.Hint{Text: fmt.Sprintf("see %s in: %s --help", settings, config.Program), Inspects: true}
}

// clientHint explains invalid_client: the server does not know the client, or its secret is
// wrong or missing.
func clientHint(call *login.CallError) config.Hint {
	id, secret, flags := "", "it needs a secret", "--client-id and --client-secret-file"
	s := call.Settings
	if s.ClientID != "" {
		id = " " + oauth.Printable(s.ClientID)
	}
	if f := s.Flyte; f != nil && f.Secret != nil && f.Client == s.ClientID {
		secret, flags = "its secret is wrong", "both in "+oauth.Printable(f.Source)
	}
	for _, name := range []string{"client-secret-file", "client-secret-env"} {
		if s.IsSet(name) {
			secret, flags = "its secret is wrong", "--client-id and --"+name
		}
	}
	return config.Text("the server does not know the client%s, or %s: check %s", id, secret, flags)
}

// refusedHint returns a hint to the setting that a refusal is about. The codes are those of
// RFC 6749 §4.1.2.1 and §5.2, and RFC 8707.
func refusedHint(code string, call *login.CallError) config.Hint {
	settings := map[string]string{
		"unauthorized_client":       "--client-id",
		"invalid_scope":             "--scope",
		"invalid_target":            "--resource and --audience",
		"unsupported_grant_type":    "--issuer",
		"unsupported_response_type": "--issuer",
		"invalid_request":           "--redirect-uri, --auth-param and --audience",
	}[code]
	switch {
	case code == "invalid_client":
		return clientHint(call)
	case settings != "":
		return see(settings)
	}
	return logIn(call)
}

// longestLine is the number of characters of an error that are shown.
const longestLine = 2000

// oneLine writes an error in one line, without repeated lines.
func oneLine(err error) string {
	var all []string
	for text := range strings.Lines(err.Error()) {
		if text = strings.Join(strings.Fields(text), " "); text != "" && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	line := []rune(config.Program + ": " + strings.Join(all, "; "))
	if len(line) > longestLine {
		line = append(line[:longestLine], '…')
	}
	return string(line)
}

// fail reports an error and returns the exit status. It
// writes nothing if a signal ended the call.
func fail(env system.Env, err error) int {
	status, hint := classify(err)
	if status > 128 {
		return status
	}
	report(env, err, hint)
	return status
}

// report writes an error as one line and its hint as another.
func report(env system.Env, err error, hint config.Hint) {
	text := oneLine(err) + "\n"
	for words := range strings.Lines(hint.String()) {
		text += "hint: " + strings.TrimSuffix(words, "\n") + "\n"
	}
	_, _ = env.Stderr.Write([]byte(text))
}
