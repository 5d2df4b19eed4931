package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"golang.org/x/net/http/httpproxy"
)

// answers is what the servers of a login say without a login.
type answers struct {
	servers *login.Examination // nil: they do not answer
	err     error
	keys    known[oauth.Keys] // none: the server publishes none
}

func askServers(ctx context.Context, a account) answers {
	if a.err != nil {
		return answers{err: a.err}
	}
	ctx, cancel := limited(ctx, config.MaskURL(a.settings.Server()))
	defer cancel()
	servers, err := a.session.Examine(ctx)
	if err != nil || servers.Server.KeysURI == "" {
		return answers{servers: servers, err: err}
	}
	return answers{servers: servers, keys: know(a.session.Keys(ctx, servers.Server))}
}

// checkProxy names the proxy for the server.
func checkProxy(a account) []Finding {
	server := a.settings.Server()
	transport, err := login.Transport(a.settings, a.policy, a.env)
	req, wrong := http.NewRequest(http.MethodGet, login.WithScheme(server), nil)
	if err != nil || wrong != nil {
		return []Finding{ok("none")} // checkDiscovery reports the error
	}
	if proxy, _ := transport.Proxy(req); proxy != nil { // the error comes with the first request
		return []Finding{ok("%s for %s", config.MaskURL(proxy.String()), config.MaskURL(server))}
	}
	f := ok("none")
	if name := firstSet(a.env.Getenv, "ALL_PROXY", "all_proxy"); name != "" && needsProxy(a.env.Getenv, req.URL) {
		f = f.warning(name+" is not read, as in all Go programs", config.Shell(`export %s_PROXY="$%s"`, strings.ToUpper(req.URL.Scheme), name))
	}
	return []Finding{f}
}

// needsProxy reports whether a proxy that is set for all servers would be used for one: not for
// this machine, and not for the servers of NO_PROXY.
func needsProxy(getenv func(string) string, u *url.URL) bool {
	c := httpproxy.Config{HTTPProxy: "http://proxy", HTTPSProxy: "http://proxy", NoProxy: cmp.Or(getenv("NO_PROXY"), getenv("no_proxy"))}
	proxy, err := c.ProxyFunc()(u)
	return err == nil && proxy != nil
}

// checkCertificates names the authorities that are trusted.
func checkCertificates(a account) []Finding {
	r, file := a.settings, a.env.Getenv("SSL_CERT_FILE")
	state := "the system's authorities"
	if file != "" {
		state = "the authorities in " + file + " (SSL_CERT_FILE)"
	}
	if r.CAFile != "" {
		state += ", and those in " + r.CAFile
	}
	f := ok("%s", state)
	name := firstSet(a.env.Getenv, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
	_, missing := os.Stat(file)
	switch {
	case file != "" && missing != nil:
		f = f.failure("SSL_CERT_FILE names a file that cannot be read: "+missing.Error(), config.Command("unset", "SSL_CERT_FILE"))
	case r.InsecureSkipVerify:
		f = f.warning("--insecure-skip-verify is set: an attacker in the network can take over the login", config.Text("use --ca-file FILE instead"))
	case name != "" && r.CAFile == "" && file == "":
		f = f.warning(name+" is not read", config.Shell(`export SSL_CERT_FILE="$%s"`, name))
	}
	return []Finding{f}
}

func firstSet(getenv func(string) string, names ...string) string {
	for _, name := range names {
		if getenv(name) != "" {
			return name
		}
	}
	return ""
}

// checkDiscovery tells what the servers answer to a request for their metadata.
func checkDiscovery(a account, n answers) (all []Finding) {
	if n.err != nil {
		return []Finding{ok("%s", config.MaskURL(a.settings.Server())).failure(n.err.Error(), networkHint(a, n.err))}
	}
	if found := n.servers.Flyte; found != nil {
		all = append(all, ok("%s answers: client %s, header %s", config.MaskURL(a.settings.Endpoint), cmp.Or(found.ClientID, "not announced"), cmp.Or(found.HeaderKey, "authorization")))
	}
	m := n.servers.Server
	return append(all, ok("%s answers: token endpoint %s", cmp.Or(m.Issuer, n.servers.Clock, "the server"), config.MaskURL(m.TokenEndpoint)))
}

// networkHint returns the hint for an error of a request: to repeat it with another program,
// if there is no better.
func networkHint(a account, err error) config.Hint {
	r := a.settings
	address := cmp.Or(r.Issuer, r.TokenEndpoint)
	if r.Discovers() {
		address = r.Endpoint
	}
	if oauth.AsError(err) == nil {
		return a.explain(err) // it is not about a request
	}
	return orElse(a.explain(err), config.Inspect("curl", "--verbose", "--head", config.MaskURL(login.WithScheme(address))))
}

// checkServers tells whether the user has accepted the servers that a Flyte endpoint or a
// cluster names.
func checkServers(a account, n answers) []Finding {
	switch {
	case n.servers.Unaccepted != nil:
		return []Finding{ok("others").failure(n.servers.Unaccepted.Error(), a.hint(n.servers.Unaccepted))}
	case n.servers.Pin == nil:
		return nil
	}
	var masked []string
	for _, address := range n.servers.Pin {
		masked = append(masked, config.MaskURL(address))
	}
	return []Finding{ok("%s", strings.Join(masked, ", "))}
}

// clockTolerance is the largest difference between two clocks that is no fault.
const clockTolerance = 5 * time.Minute

// checkClock compares this machine's clock with the server's.
func checkClock(n answers) []Finding {
	offset, server := n.servers.Offset, n.servers.Clock
	side := "behind"
	switch {
	case server == "":
		return []Finding{skipped("the server does not tell the time")}
	case offset.Abs() < clockTolerance:
		return []Finding{ok("agrees with %s", server)}
	case offset < 0:
		side = "ahead of"
	}
	return []Finding{ok("differs from %s", server).failure(fmt.Sprintf("the clock of this machine is %s %s that of %s: valid tokens and certificates seem to have expired, or not to be valid yet", offset.Abs().Round(time.Minute), side, server), clockFix())}
}

func clockFix() config.Hint {
	set := map[string]string{"darwin": "sudo sntp -sS time.apple.com", "windows": "w32tm /resync"}
	return config.Shell("%s", cmp.Or(set[runtime.GOOS], "sudo timedatectl set-ntp true"))
}

// checkKeys counts the keys that sign ID tokens.
func checkKeys(a account, n answers) []Finding {
	address := config.MaskURL(n.servers.Server.KeysURI)
	switch {
	case address == "":
		return []Finding{ok("the server publishes none")}
	case n.keys.err != nil:
		return []Finding{ok("%s", address).failure(n.keys.err.Error(), networkHint(a, n.keys.err))}
	case n.keys.value.Len() == 0:
		return []Finding{ok("%s", address).failure("it publishes no key that can verify an ID token", config.Inspect("curl", "--include", address))}
	}
	return []Finding{ok("%s has %s", address, plural(n.keys.value.Len(), "key"))}
}
