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

// Policy is what one call may do. Each command makes it once.
type Policy struct {
	// ForCaller means that a program reads the answer, and that its user may not see stderr.
	ForCaller bool
	// OneLine means that the caller shows at most one line of an error. That line then has the
	// command that logs in.
	OneLine bool
	// Explicit means that the user requested a login.
	Explicit bool
	// IgnoreBackoff starts a login even if one has just failed.
	IgnoreBackoff bool
	// AcceptServers means that the user has accepted the servers of this login in advance.
	AcceptServers bool
	// Pins are the endpoints that the user accepts for this login. Nil: not named.
	Pins []string
	// Forbidden returns why the caller's protocol allows no login, or "". Nil: it allows one.
	Forbidden func(ctx context.Context) string
	// Kind is the kind of token that the call needs. If it is empty, the setting token-kind
	// selects it, and Auto is the kind for auto.
	Kind, Auto oauth.Kind
	// MinTTL is the minimum remaining validity of the token if no setting has one.
	MinTTL time.Duration
	// RefreshWait is how long to wait for another process or for the answer to a refresh.
	// Zero: as long as a login takes.
	RefreshWait time.Duration
	// Command is the command in hints, without the program's name. Nil: login.
	Command []string
}

// NeverLogsIn returns the Forbidden of a protocol whose callers request a token for every host
// they use, perhaps without a user at the machine.
func NeverLogsIn(caller string) func(context.Context) string {
	return func(context.Context) string { return "a request from " + caller + " never starts a login" }
}

// whyNoLogin returns why no login can start, or "".
func (p Policy) whyNoLogin(ctx context.Context, s *config.Settings, env system.Env) string {
	if p.Forbidden != nil {
		if why := p.Forbidden(ctx); why != "" {
			return why
		}
	}
	return loginForbidden(s, env)
}

// loginForbidden returns why the settings or the environment allow no login, or "".
func loginForbidden(s *config.Settings, env system.Env) string {
	switch {
	case s.Interactive == "never":
		return "--interactive is never"
	case s.Interactive == "always":
		return ""
	case inCI(env):
		return "CI is set, so no user can log in (for a machine use --grant client-credentials)"
	case !env.Terminal.Usable() && !opensBrowser(s, env):
		return "there is no terminal and no display"
	}
	return ""
}

// inCI reports whether the variable CI, which CI systems set, is set and not false.
func inCI(env system.Env) bool {
	ci := env.Getenv("CI")
	return ci != "" && !IsFalse(ci)
}

// IsFalse reports whether the value of a variable or of git's configuration means false.
func IsFalse(word string) bool {
	return slices.Contains([]string{"0", "false", "no", "off"}, strings.ToLower(word))
}

// opensBrowser reports whether a login opens a browser.
func opensBrowser(s *config.Settings, env system.Env) bool { return !s.NoBrowser && display(s, env) }

// display reports whether the user can see a browser that this process opens.
func display(s *config.Settings, env system.Env) bool {
	if len(s.Browser) > 0 || env.Getenv("BROWSER") != "" {
		return true
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		return true
	}
	if env.Getenv("SSH_CONNECTION") != "" || env.Getenv("SSH_TTY") != "" {
		return false // the display is at another machine
	}
	return env.Getenv("DISPLAY") != "" || env.Getenv("WAYLAND_DISPLAY") != "" || env.Getenv("WSL_DISTRO_NAME") != ""
}
