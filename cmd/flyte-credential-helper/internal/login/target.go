package login

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// Target is one login, with all that requests to its servers need: the settings, the texts of
// the files that they name, the client's secret, and what discovery found out. A worker
// process gets it as JSON.
type Target struct {
	Settings    config.Settings `json:"settings"`
	StateDir    string          `json:"state_dir"`
	Fingerprint string          `json:"fingerprint"` // changes with every setting that may cure a failure

	ClientSecret string `json:"client_secret,omitempty"`
	Certificates []byte `json:"certificates,omitempty"` // PEM
	SuccessPage  string `json:"success_page,omitempty"` // HTML
	FailurePage  string `json:"failure_page,omitempty"`

	// Discovers says that a Flyte endpoint says how to log in. It repeats the parameters of
	// the authorization request in the exchange, as flytekit does, if RepeatByDefault.
	Discovers       bool `json:"discovers,omitempty"`
	RepeatByDefault bool `json:"repeat_by_default,omitempty"`
	// Found is what the endpoint said; nil: it was not asked, or there is none.
	Found *flyte.LoginConfig `json:"found,omitempty"`
	// Server is the authorization server if it is known by other means, or was checked; nil:
	// it is not known.
	Server *oauth.Metadata `json:"server,omitempty"`
}

// identity returns a client that identifies the login that the settings name, or why they
// name none. It has no secret and makes no request.
func identity(r *config.Resolved, p Policy, env system.Env) (*oauth.Client, error) {
	if r.NoServer != nil {
		return nil, r.NoServer
	}
	if r.ClientID == "" && !r.Discovers() {
		return nil, config.Errorf(config.Command(append(Command(r, p, env), "--client-id", "ID")...), "no client ID is set: %s needs the ID under which this program is registered", r.Server())
	}
	if err := checkMistakes(r, p, env); err != nil {
		return nil, err
	}
	client := unread(r).client(clientParts{})
	checked := client
	if r.Discovers() {
		checked = unread(r).at(unasked()).client(clientParts{})
	}
	if err := checked.Check(); err != nil {
		return nil, err
	}
	for name, value := range r.Header {
		if err := oauth.CheckHeader(name, value); err != nil {
			return nil, err
		}
	}
	for _, host := range r.HeaderHost {
		if u, err := url.Parse("https://" + host); err != nil || u.Host != host || u.Hostname() == "" || strings.Contains(host, "*") {
			return nil, oauth.ConfigError("header-host", "--header-host %q is not a host, such as login.example.com", oauth.Printable(host))
		}
	}
	// The ID is made only if there is something to compare it with.
	if running := env.Getenv(inside); running != "" && strings.Contains(" "+running+" ", " "+cache.KeyOf(client).ID()+" ") {
		return nil, config.Errorf(config.Hint{}, "--proxy-command requests the login that it is part of")
	}
	return client, nil
}

// Key returns the identity of the login that the settings name, or why they name none.
func Key(r *config.Resolved, p Policy, env system.Env) (cache.Key, error) {
	client, err := identity(r, p, env)
	if err != nil {
		return cache.Key{}, err
	}
	return cache.KeyOf(client), nil
}

// unasked stands for what a Flyte endpoint will say, to check the settings that do not
// depend on it.
func unasked() *oauth.Metadata {
	const somewhere = "https://flyte.invalid"
	return &oauth.Metadata{ClientID: "-", AuthorizationEndpoint: somewhere, TokenEndpoint: somewhere, DeviceEndpoint: somewhere}
}

// unread is the target of the settings, without what files and variables have.
func unread(r *config.Resolved) *Target {
	return &Target{Settings: r.Settings, Discovers: r.Discovers(), RepeatByDefault: !r.IsSet("auth-params-in-token-request")}
}

// secretFunc returns the client's secret. It reads it once: a pipe has nothing the second time.
type secretFunc func() (oauth.Secret, error)

func newSecretFunc(r *config.Resolved, env system.Env) secretFunc {
	return sync.OnceValues(func() (oauth.Secret, error) { return clientSecret(r, env) })
}

// newTarget reads what the settings name, and so it is made only if a request is needed.
func newTarget(r *config.Resolved, env system.Env, clientSecret secretFunc) (*Target, error) {
	t := unread(r)
	secret, err := clientSecret()
	if err != nil {
		return nil, err
	}
	if r.CAFile != "" {
		if t.Certificates, err = system.ReadFile(r.CAFile, system.MaxConfig); err != nil {
			return nil, config.ReadError("the certificates to trust", err)
		}
	}
	if t.SuccessPage, err = readPage(r.SuccessPage); err != nil {
		return nil, err
	}
	if t.FailurePage, err = readPage(r.FailurePage); err != nil {
		return nil, err
	}
	t.ClientSecret = secret.Reveal()
	t.Fingerprint, t.StateDir = fingerprint(r, clientSecret), string(StateDir(env))
	return t, nil
}

// clientParts are the parts of an OAuth client that are not data. Each may be nil.
type clientParts struct {
	http     *http.Client
	now      func() time.Time
	lockPort func(ctx context.Context, port int, wait bool) (func(), error)
	open     func(ctx context.Context, url string) error
	prompt   oauth.Prompt
	notify   func(text string)
	confirm  string
	noQRCode bool
}

// client is the one place in which the OAuth client is made.
func (t *Target) client(p clientParts) *oauth.Client {
	s := &t.Settings
	c := &oauth.Client{
		Endpoint: s.Endpoint, Server: t.Server,
		Issuer: s.Issuer, AuthEndpoint: s.AuthEndpoint, TokenEndpoint: s.TokenEndpoint, DeviceEndpoint: s.DeviceEndpoint, RevocationEndpoint: s.RevocationEndpoint,
		ClientID: s.ClientID, ClientSecret: oauth.Secret(t.ClientSecret), Grant: oauth.Grant(s.Grant),
		Scopes: s.Scope, Audience: s.Audience, Resource: s.Resource, Account: s.Account,
		RedirectURI: s.RedirectURI, RedirectPorts: s.RedirectPort, Listen: s.Listen,
		AuthParams: s.AuthParam, TokenParams: s.TokenParam, RefreshParams: s.RefreshParam,
		AuthParamsInTokenRequest: s.AuthParamsInTokenRequest || t.Found != nil && t.RepeatByDefault,
		Pages:                    oauth.Pages{Success: t.SuccessPage, Failure: t.FailurePage},
		LoginTimeout:             s.LoginTimeout,
		HTTP:                     p.http, Now: p.now, LockPort: p.lockPort, Open: p.open, Prompt: p.prompt, NoQRCode: p.noQRCode, Notify: p.notify, Confirm: p.confirm,
	}
	if t.Found == nil {
		return c
	}
	return t.Found.Configure(c)
}

// discovered returns t with what its Flyte endpoint said.
func (t Target) discovered(found *flyte.LoginConfig) *Target {
	t.Found = found
	return &t
}

// at returns t for a server whose metadata is known.
func (t Target) at(server *oauth.Metadata) *Target {
	t.Server = server
	return &t
}

// ofClient returns t for another client of the server, whose secret is not known.
func (t Target) ofClient(id string) *Target {
	if t.Settings.ClientID != id {
		t.Settings.ClientID, t.ClientSecret = id, ""
	}
	return &t
}

// StateDir is the directory of the logins; empty: there is none.
func StateDir(env system.Env) cache.Dir { return cache.DirIn(env.StateHome) }

// clientSecret is the client's secret, from a file that no other user can change or from a
// variable that no child process gets.
func clientSecret(r *config.Resolved, env system.Env) (oauth.Secret, error) {
	switch {
	case r.ClientSecretEnv != "" && r.ClientSecretFile != "":
		return "", config.Errorf(config.Hint{}, "--client-secret-env and --client-secret-file are both set: use one")
	case r.ClientSecretEnv != "":
		s := strings.TrimSpace(env.Getenv(r.ClientSecretEnv))
		if s == "" {
			return "", config.Errorf(config.Text("set %s in the environment of the program that runs this one", r.ClientSecretEnv), "the environment variable %s for the client secret is not set", r.ClientSecretEnv)
		}
		return oauth.Secret(s), nil
	case r.ClientSecretFile != "":
		return readSecret(r.ClientSecretFile)
	case r.Flyte != nil && r.Flyte.Secret != nil && r.ClientID == r.Flyte.Client:
		s, err := r.Flyte.Secret()
		if err != nil {
			return "", config.Errorf(config.Hint{}, "%v", err)
		}
		return s, nil
	}
	return "", nil
}

func readSecret(name string) (oauth.Secret, error) {
	text, err := system.ReadProtected(name, system.MaxSecret)
	if err != nil {
		return "", config.ReadError("the client secret", err)
	}
	s := strings.TrimSpace(string(text))
	if s == "" {
		return "", config.Errorf(config.Hint{}, "%s has no client secret", name)
	}
	return oauth.Secret(s), nil
}

// readPage returns an HTML document, or "" if none is named.
func readPage(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	text, err := system.ReadFile(name, system.MaxSecret)
	if err != nil {
		return "", config.ReadError("the page", err)
	}
	return string(text), nil
}

// fingerprint changes with the settings, with the files that they name and with the secret:
// what the server refused it may then take. Of the secret it has two bytes of a hash, which
// are enough to tell another and of no use to guess it.
func fingerprint(r *config.Resolved, clientSecret secretFunc) string {
	h := sha256.New()
	r.WriteIdentity(h)
	for _, name := range []string{r.ClientSecretFile, r.CAFile} {
		if info, err := os.Stat(name); err == nil {
			_, _ = fmt.Fprintln(h, name, info.ModTime(), info.Size())
		}
	}
	if secret, err := clientSecret(); err == nil {
		sum := sha256.Sum256([]byte(secret))
		_, _ = h.Write(sum[:2])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Revoke revokes the tokens of a login that the client of that ID got. The secret of a
// client is known only for the login that the settings name.
func Revoke(ctx context.Context, r *config.Resolved, p Policy, env system.Env, client string, t *oauth.Token) (*oauth.Remaining, error) {
	c, err := connect(r, p, env, newSecretFunc(r, env))
	if err != nil {
		return nil, err
	}
	return c.client(c.target.ofClient(client), user{}).Revoke(ctx, t)
}
