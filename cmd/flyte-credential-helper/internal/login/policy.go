package login

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Policy says what one call may do. It is made once, from what the command is.
type Policy struct {
	// ForCaller says that a program gets the answer. Its user may not see stderr.
	ForCaller bool
	// OneLine says that the caller shows at most one line of an error, which then has the
	// command that logs in.
	OneLine bool
	// Explicit says that the user asked for a login.
	Explicit bool
	// IgnoreBackoff starts a login although one has just failed.
	IgnoreBackoff bool
	// Forbidden returns why the caller's protocol starts no login, or "". Nil: it may.
	Forbidden func(ctx context.Context) string
	// Kind is the token that the call needs; empty: as the setting token-kind says, and Auto
	// is the one that auto means.
	Kind, Auto oauth.Kind
	// MinTTL is how long the token must be valid if no setting says it.
	MinTTL time.Duration
	// RefreshWait is how long to wait for another process or for the answer to a refresh.
	// Zero: as long as a login takes.
	RefreshWait time.Duration
	// Command is what the user runs, for hints, without the program's name. Nil: login.
	Command []string
}

// NeverLogsIn is the Forbidden of a protocol whose callers ask for every host they use,
// when no user may be watching.
func NeverLogsIn(caller string) func(context.Context) string {
	return func(context.Context) string { return caller + " never starts one" }
}

// whyNoLogin returns why no login may start, or "" if one may.
func (p Policy) whyNoLogin(ctx context.Context, s *config.Settings, env system.Env) string {
	if p.Forbidden != nil {
		if why := p.Forbidden(ctx); why != "" {
			return why
		}
	}
	return loginForbidden(s, env)
}

// loginForbidden returns why the settings and the environment let no login start, or "" if
// they do.
func loginForbidden(s *config.Settings, env system.Env) string {
	switch {
	case s.Interactive == "never":
		return "--interactive is never"
	case s.Interactive == "always":
		return ""
	case inCI(env):
		return "CI is set, so nobody is there (a machine logs in with --grant client-credentials)"
	case !env.Terminal.Usable() && !opensBrowser(s, env):
		return "there is no terminal and no display"
	}
	return ""
}

// inCI reports whether the variable that CI systems set is there, and not false.
func inCI(env system.Env) bool {
	ci := env.Getenv("CI")
	return ci != "" && !IsFalse(ci)
}

// IsFalse reads a switch of the environment or of git's configuration.
func IsFalse(word string) bool {
	return slices.Contains([]string{"0", "false", "no", "off"}, strings.ToLower(word))
}

// opensBrowser reports whether a login opens a browser.
func opensBrowser(s *config.Settings, env system.Env) bool { return !s.NoBrowser && display(s, env) }

// display reports whether the user who runs us would see a browser.
func display(s *config.Settings, env system.Env) bool {
	if len(s.Browser) > 0 || env.Getenv("BROWSER") != "" {
		return true
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		return true
	}
	if env.Getenv("SSH_CONNECTION") != "" || env.Getenv("SSH_TTY") != "" {
		return false // it would be the screen of another machine
	}
	return env.Getenv("DISPLAY") != "" || env.Getenv("WAYLAND_DISPLAY") != "" || env.Getenv("WSL_DISTRO_NAME") != ""
}
