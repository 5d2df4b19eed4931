// Package doctor examines the way from the configuration to the servers of the callers. It
// finds why a caller has no token, or one that its server rejects. It never starts a login,
// never opens a browser and never refreshes a token.
package doctor

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
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

// Finding is what one step found. It has no secret. The JSON names are an interface for
// scripts.
type Finding struct {
	Step    string `json:"step"`
	State   string `json:"state"`
	Level   Level  `json:"level"`
	Problem string `json:"problem,omitempty"`
	Fix     string `json:"fix,omitempty"` // a command, or a text if there is no command
}

// oneLine makes text from outside fit for one line.
func oneLine(text string) string { return system.Printable(strings.Join(strings.Fields(text), " ")) }

func ok(step, format string, args ...any) Finding {
	return Finding{Step: step, State: oneLine(fmt.Sprintf(format, args...)), Level: OK}
}

func skipped(step, why string) Finding {
	return Finding{Step: step, State: "skipped: " + oneLine(why), Level: Skipped}
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
	f.Level, f.Problem, f.Fix = level, oneLine(problem+replacements(fix)), system.Printable(strings.ReplaceAll(fix.String(), "\n", " "))
	return f
}

// replacements says which value to put for each word of a fix that is not one.
func replacements(fix config.Hint) string {
	var list []string
	for _, word := range fix.Command {
		if meaning := placeholders()[word]; meaning != "" {
			list = append(list, word+" is "+meaning)
		}
	}
	if len(list) == 0 {
		return ""
	}
	return " (in the fix, " + strings.Join(list, ", ") + ")"
}

// placeholders are the words of fixes that the user replaces, with what they mean.
func placeholders() map[string]string {
	return map[string]string{
		"AUDIENCE":                  "the audience that the server accepts",
		"COMMAND":                   "a command that prints a token for the proxy",
		"FILE":                      "a PEM file with the certificate of the authority",
		"ID":                        "the ID of a client that the authorization server knows",
		"https://login.example.com": "the URL of the authorization server",
		"flyte.example.com":         "your Flyte endpoint",
		"go.example.com":            "the host of your modules",
	}
}

// Subject is what is examined.
type Subject struct {
	Env     system.Env
	Version string       // of the program, with its commit
	Input   config.Input // what settings are resolved from
	Caller  string       // the caller whose way is examined; empty: none in particular
	Address string       // the host or URL that the caller uses; may be empty
	// Hint returns the hint for an error.
	Hint func(error) config.Hint
}

// examination is a subject with what several checks need. Each function does its work when
// it is first called.
type examination struct {
	Subject
	policy   login.Policy
	file     func() (*config.File, error)
	host     func() (*servedHost, error) // nil: the caller names no host
	plugin   func() (*kubePlugin, error) // nil: kubectl's current context does not run this program
	settings func() (*config.Resolved, error)
	session  func() (*login.Session, error)
	servers  func() (*login.Examination, error)
	keys     func() (oauth.Keys, error)
	saved    func() savedLogin
}

// savedLogin is what is saved of the login.
type savedLogin struct {
	store    *cache.Store // nil: the settings name no login
	token    *oauth.Token // nil: there is none
	inKernel bool         // the kernel's keyring had the key before it was used
	err      error        // why it is not known whether there is a token
}

// stepLimit is how long one step may ask other programs and servers.
const stepLimit = 10 * time.Second

// Examine walks the pipeline. The findings are in an order in which a cause comes before its
// consequences.
func Examine(ctx context.Context, s Subject) (findings []Finding) {
	e := newExamination(ctx, s)
	for _, check := range pipeline() {
		findings = append(findings, check(ctx, e)...)
	}
	return findings
}

// check examines one step.
type check func(ctx context.Context, e *examination) []Finding

// pipeline returns the checks in their order.
func pipeline() []check {
	return []check{
		checkVersion, checkConfiguration, checkCaller, checkSettings, checkServer,
		checkStateDir, checkStore, checkTerminal,
		checkProxy, checkCertificates, checkDiscovery, checkServers, checkClock, checkKeys,
		checkLogin, checkToken, checkCallers, checkCallerServer,
	}
}

func newExamination(ctx context.Context, s Subject) *examination {
	e := &examination{Subject: s, policy: policyOf(s.Caller)}
	e.file = sync.OnceValues(func() (*config.File, error) {
		return config.ReadFiles(s.Input.ConfigPaths, s.Input.ReadFile)
	})
	e.host = sync.OnceValues(e.findHost)
	e.plugin = sync.OnceValues(func() (*kubePlugin, error) { return currentPlugin(ctx, s.Env) })
	e.settings = sync.OnceValues(func() (*config.Resolved, error) {
		in, err := e.input()
		if err != nil {
			return nil, err
		}
		return config.Resolve(in)
	})
	e.session = sync.OnceValues(func() (*login.Session, error) {
		r, err := e.settings()
		if err != nil {
			return nil, err
		}
		return login.Open(ctx, r, e.policy, e.quiet(r))
	})
	e.servers = sync.OnceValues(func() (*login.Examination, error) {
		session, err := e.session()
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, stepLimit)
		defer cancel()
		return session.Examine(ctx)
	})
	e.keys = sync.OnceValues(func() (oauth.Keys, error) {
		servers, err := e.servers()
		if err != nil || servers.Server.KeysURI == "" {
			return oauth.Keys{}, err
		}
		session, err := e.session()
		if err != nil {
			return oauth.Keys{}, err
		}
		return session.Keys(ctx, servers.Server)
	})
	e.saved = sync.OnceValue(func() savedLogin {
		session, err := e.session()
		if err != nil {
			return savedLogin{err: err}
		}
		s := savedLogin{store: session.Store()}
		s.inKernel = s.store.InKernel()
		s.token, s.err = s.store.Load(ctx)
		return s
	})
	return e
}

// policyOf returns the policy of a caller, without logins.
func policyOf(caller string) login.Policy {
	p := login.Policy{Auto: oauth.Access, Forbidden: login.NeverLogsIn("doctor")}
	if caller == "" || caller == "kubernetes" {
		p.Auto = oauth.Auto
	}
	return p
}

// quiet returns the environment of a session that writes nothing, unless the user asked for
// a log: the findings say all that it would.
func (e *examination) quiet(r *config.Resolved) system.Env {
	env := e.Env
	if !r.IsSet("log-level") {
		env.Stderr = io.Discard
	}
	return env
}

// input returns what the caller's settings are resolved from.
func (e *examination) input() (config.Input, error) {
	in := e.Input
	host, err := e.host()
	if err != nil {
		return in, err
	}
	if host != nil {
		in.Profile, in.ServesHost = host.profile, true
	}
	if e.Caller == "kubernetes" && !in.CommandLine.NamesServer() && in.CommandLine.Profile() == "" {
		plugin, err := e.plugin()
		if err != nil || plugin == nil {
			return in, err
		}
		return plugin.input(in)
	}
	return in, nil
}

// logIn returns the command that logs in with the settings.
func (e *examination) logIn(more ...string) config.Hint {
	r, err := e.settings()
	if err != nil {
		return config.Hint{}
	}
	return config.Command(append(login.Command(r, e.policy, e.Env), more...)...)
}

// logInAgain returns the commands that replace a token that is still valid: login alone would
// keep it.
func (e *examination) logInAgain() config.Hint {
	r, err := e.settings()
	if err != nil {
		return config.Hint{}
	}
	forget := e.policy
	forget.Command = []string{"logout"}
	return config.Shell("%s && %s", config.Shown(login.Command(r, forget, e.Env)), e.logIn())
}
