// Package doctor examines the way from the configuration to the servers of the callers. It
// finds why a caller has no token, or one that its server rejects. It never starts a login,
// never opens a browser and never refreshes a token.
package doctor

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

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

// stepLimit is how long one step may ask other programs and servers.
const stepLimit = 10 * time.Second

// limited returns the context of a request to a server.
func limited(ctx context.Context, server string) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, stepLimit, oauth.Temporary("%s has not answered within %s", server, stepLimit))
}

// check is one step. Its function judges complete values.
type check struct {
	step string
	when bool   // the subject has the step
	skip string // why it cannot be examined before an earlier fault is repaired; empty: it can
	find func() []Finding
}

// Examine makes the checks. The findings are in an order in which a cause comes before its
// consequences.
func Examine(ctx context.Context, s Subject) (findings []Finding) {
	for _, c := range checks(ctx, s) {
		switch {
		case !c.when:
		case c.skip != "":
			findings = append(findings, skipped(c.skip).at(c.step))
		default:
			for _, f := range c.find() {
				findings = append(findings, f.at(c.step))
			}
		}
	}
	return findings
}

// checks is the table of the checks.
func checks(ctx context.Context, s Subject) []check {
	c := readConfiguration(s)
	a := openAccount(ctx, s, c.settings)
	k := a
	if s.Caller == "" && c.current != nil {
		k = openKubernetes(ctx, s, c.current)
	}
	n := askServers(ctx, a)
	host, endpoint := c.host.value, endpointOf(c.settings.value)
	noSettings := unless(c.settings.err == nil, "the settings cannot be used")
	noSession := unless(a.err == nil, "there is no server")
	noAnswer := unless(n.err == nil, "the server does not answer")
	noToken := a.noToken(oauth.Access)
	stateDir, store, unread := checkStateDir(ctx, s), []Finding(nil), ""
	if noSettings == "" {
		store = checkStore(ctx, a)
	}
	if a.unread != nil && Failed(slices.Concat(stateDir, store)) {
		unread = a.unread.Error() // of the same cause
	}
	all := s.Caller == ""
	return []check{
		{"version", true, "", func() []Finding { return checkProgram(s) }},
		{"configuration", true, "", func() []Finding { return checkFiles(s) }},
		{"Flyte's configuration", s.Input.Flyte != nil, "", func() []Finding { return checkFlyteFiles(s, c) }},
		{"host", s.Address != "", unless(c.profiles.err == nil, "the configuration cannot be read"), func() []Finding { return checkHost(s, c) }},
		{"kubeconfig", s.Caller == "kubernetes", "", func() []Finding { return checkContexts(s, c) }},
		{"settings", true, unless(c.host.err == nil, "no profile serves the host"), func() []Finding { return checkSettings(s, c) }},
		{"server", true, cmp.Or(noSettings, unless(!c.isBroken(), "the configuration cannot be used")), func() []Finding { return checkServer(s, c, a) }},
		{"state directory", true, "", func() []Finding { return stateDir }},
		{"store", true, noSettings, func() []Finding { return store }},
		{"terminal", true, noSettings, func() []Finding { return checkTerminal(a) }},
		{"proxy", true, unless(noSettings == "" && a.settings.Server() != "", "there is no server"), func() []Finding { return checkProxy(a) }},
		{"certificates", true, noSettings, func() []Finding { return checkCertificates(a) }},
		{"discovery", true, noSession, func() []Finding { return checkDiscovery(a, n) }},
		{"accepted servers", n.err == nil, "", func() []Finding { return checkServers(a, n) }},
		{"clock", true, noAnswer, func() []Finding { return checkClock(n) }},
		{"keys", true, noAnswer, func() []Finding { return checkKeys(a, n) }},
		{"login", true, cmp.Or(noSession, unread), func() []Finding { return checkLogin(a) }},
		{"token", true, cmp.Or(noSession, unless(a.token != nil, "there is no saved login")), func() []Finding { return checkToken(a, n) }},
		{"kubeconfig", all, "", func() []Finding { return checkContexts(s, c) }},
		{"Flyte's clients", all || s.Caller == "token", "", func() []Finding { return checkFlyteClients(s, c) }},
		{"git", (all || s.Caller == "git") && isRunnable("git"), "", func() []Finding { return checkGit(ctx, s, c) }},
		{"docker", all || s.Caller == "docker", "", func() []Finding { return checkDocker(s, c) }},
		{"bazel", all || s.Caller == "bazel", "", func() []Finding { return checkBazel(s, c) }},
		{"go command", all || s.Caller == "goauth", "", func() []Finding { return checkGoauth(ctx, s, c) }},
		{"kubernetes", (all || s.Caller == "kubernetes") && c.current != nil && c.current.Other == "", k.noToken(k.kind), func() []Finding { return checkAPIServer(ctx, c.current, k) }},
		{"flyte", !namesHost(s.Caller) && (endpoint != "" || s.Caller == "token"), cmp.Or(unless(endpoint != "", "no Flyte endpoint is set: give one with --endpoint"), noToken), func() []Finding { return checkFlyteUser(ctx, a) }},
		{"git server", s.Caller == "git" && host != nil, cmp.Or(host.noRepository(), noToken, unless(isRunnable("git"), "git is not installed")), func() []Finding { return checkRepository(ctx, host, a) }},
		{"registry", s.Caller == "docker" && host != nil, cmp.Or(noToken, unless(host == nil || !host.entry.IdentityToken, "only docker can exchange an identity token")), func() []Finding { return checkRegistry(ctx, host, a) }},
	}
}

// namesHost reports whether a caller names the host that it wants a token for.
func namesHost(caller string) bool {
	return slices.Contains([]string{"git", "docker", "bazel", "goauth"}, caller)
}

// unless returns why, unless a condition is met.
func unless(met bool, why string) string {
	if met {
		return ""
	}
	return why
}
