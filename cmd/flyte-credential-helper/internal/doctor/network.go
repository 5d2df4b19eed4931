package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// checkProxy names the proxy for the server.
func checkProxy(_ context.Context, e *examination) (all []Finding) {
	r, err := e.settings()
	if err != nil || r.Server() == "" {
		return []Finding{skipped("proxy", "there is no server")}
	}
	state, proxy := "none", e.proxy(r)
	if proxy != nil {
		state = fmt.Sprintf("%s for %s", config.MaskURL(proxy.String()), config.MaskURL(r.Server()))
	}
	f := ok("proxy", "%s", state)
	name := firstSet(e.Env.Getenv, "ALL_PROXY", "all_proxy")
	if name != "" && proxy == nil {
		f = f.warning(name+" is not read, as in all Go programs", config.Shell(`export HTTPS_PROXY="$%s"`, name))
	}
	return []Finding{f}
}

// proxy returns the proxy for the server, or nil.
func (e *examination) proxy(r *config.Resolved) *url.URL {
	transport, err := login.Transport(r, e.policy, e.quiet(r))
	if err != nil {
		return nil // checkDiscovery reports the error
	}
	address := r.Server()
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return nil
	}
	u, _ := transport.Proxy(req) // the error comes with the first request
	return u
}

// checkCertificates names the authorities that are trusted.
func checkCertificates(_ context.Context, e *examination) []Finding {
	r, err := e.settings()
	if err != nil {
		return []Finding{skipped("certificates", "the settings cannot be used")}
	}
	state := "the system's authorities"
	if file := e.Env.Getenv("SSL_CERT_FILE"); file != "" {
		state = "the authorities in " + file + " (SSL_CERT_FILE)"
	}
	if r.CAFile != "" {
		state += ", and those in " + r.CAFile
	}
	f := ok("certificates", "%s", state)
	name := firstSet(e.Env.Getenv, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
	switch {
	case r.InsecureSkipVerify:
		return []Finding{f.warning("--insecure-skip-verify is set: an attacker in the network can take over the login", config.Text("use --ca-file FILE instead"))}
	case name != "" && r.CAFile == "" && e.Env.Getenv("SSL_CERT_FILE") == "":
		return []Finding{f.warning(name+" is not read", config.Shell(`export SSL_CERT_FILE="$%s"`, name))}
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

// checkDiscovery asks the servers for their metadata.
func checkDiscovery(_ context.Context, e *examination) (all []Finding) {
	if _, err := e.session(); err != nil {
		return []Finding{skipped("discovery", "there is no server")}
	}
	r, err := e.settings()
	if err != nil {
		return nil // the session has the same error
	}
	servers, err := e.servers()
	if err != nil {
		return []Finding{ok("discovery", "%s", config.MaskURL(r.Server())).failure(err.Error(), e.networkHint(err, r))}
	}
	if found := servers.Flyte; found != nil {
		all = append(all, ok("discovery", "%s answers: client %s, header %s", config.MaskURL(r.Endpoint), cmp.Or(found.ClientID, "not announced"), cmp.Or(found.HeaderKey, "authorization")))
	}
	m := servers.Server
	return append(all, ok("discovery", "%s answers: token endpoint %s", cmp.Or(m.Issuer, hostOfURL(m.TokenEndpoint)), config.MaskURL(m.TokenEndpoint)))
}

// checkServers tells whether the user has accepted the servers that a Flyte endpoint or a
// cluster names.
func checkServers(_ context.Context, e *examination) []Finding {
	servers, err := e.servers()
	if err != nil {
		return nil // checkDiscovery reports the error
	}
	switch {
	case servers.Unaccepted != nil:
		return []Finding{ok("accepted servers", "others").failure(servers.Unaccepted.Error(), e.Hint(servers.Unaccepted))}
	case servers.Pin == nil:
		return nil
	}
	return []Finding{ok("accepted servers", "%s", maskedURLs(servers.Pin))}
}

func maskedURLs(list []string) string {
	var masked []string
	for _, address := range list {
		masked = append(masked, config.MaskURL(address))
	}
	return strings.Join(masked, ", ")
}

// networkHint returns the hint for an error of a request: to repeat it with another program,
// if there is no better.
func (e *examination) networkHint(err error, r *config.Resolved) config.Hint {
	if hint := e.Hint(login.Explain(err, r, e.policy, e.Env)); hint.String() != "" {
		return hint
	}
	if failed := oauth.AsError(err); failed != nil && failed.Setting == "http-proxy" {
		name := "HTTPS_PROXY"
		if r.HTTPProxy != "" {
			name = config.Variable("http-proxy")
		}
		return config.Shell("export %s=http://USER:PASSWORD@%s", name, failed.Host)
	}
	address := cmp.Or(r.Issuer, r.TokenEndpoint)
	if r.Discovers() {
		address = r.Endpoint
	}
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	return config.Command("curl", "--verbose", "--head", config.MaskURL(address))
}

func hostOfURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// clockTolerance is the largest difference between two clocks that is no fault.
const clockTolerance = 5 * time.Minute

// checkClock compares this machine's clock with the server's.
func checkClock(_ context.Context, e *examination) []Finding {
	servers, err := e.servers()
	if err != nil {
		return []Finding{skipped("clock", "the server does not answer")}
	}
	if servers.Clock == "" {
		return []Finding{skipped("clock", "the server does not tell the time")}
	}
	offset := servers.Offset
	if offset.Abs() < clockTolerance {
		return []Finding{ok("clock", "agrees with %s", servers.Clock)}
	}
	side := "behind"
	if offset < 0 {
		side = "ahead of"
	}
	f := ok("clock", "differs from %s", servers.Clock)
	return []Finding{f.failure(fmt.Sprintf("the clock of this machine is %s %s that of %s: valid tokens and certificates seem to have expired, or not to be valid yet", offset.Abs().Round(time.Minute), side, servers.Clock), clockFix())}
}

func clockFix() config.Hint {
	switch runtime.GOOS {
	case "darwin":
		return config.Shell("sudo sntp -sS time.apple.com")
	case "windows":
		return config.Shell("w32tm /resync")
	}
	return config.Shell("sudo timedatectl set-ntp true")
}

// checkKeys fetches the keys that sign ID tokens.
func checkKeys(_ context.Context, e *examination) []Finding {
	servers, err := e.servers()
	if err != nil {
		return []Finding{skipped("keys", "the server does not answer")}
	}
	if servers.Server.KeysURI == "" {
		return []Finding{ok("keys", "the server publishes none")}
	}
	r, err := e.settings()
	if err != nil {
		return nil // the session has the same error
	}
	keys, err := e.keys()
	f := ok("keys", "%s", config.MaskURL(servers.Server.KeysURI))
	switch {
	case err != nil:
		return []Finding{f.failure(err.Error(), e.networkHint(err, r))}
	case keys.Len() == 0:
		return []Finding{f.failure("it publishes no key that can verify an ID token", config.Command("curl", "--include", config.MaskURL(servers.Server.KeysURI)))}
	}
	return []Finding{ok("keys", "%s has %s", config.MaskURL(servers.Server.KeysURI), plural(keys.Len(), "key"))}
}

// isRefused reports whether a server rejected a token.
func isRefused(err error) bool { return oauth.ClassOf(err) == oauth.ClassRefused }
