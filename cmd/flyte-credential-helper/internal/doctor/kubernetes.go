package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// kubePluginFinding tells how kubectl runs this program in the current context.
func (e *examination) kubePluginFinding() []Finding {
	p, err := e.plugin()
	switch {
	case errors.Is(err, errNoTool):
		return []Finding{skipped("kubeconfig", "kubectl is not installed")}
	case err != nil:
		return []Finding{ok("kubeconfig", "not usable").failure(err.Error(), config.Command("kubectl", "config", "view"))}
	case p == nil:
		f := ok("kubeconfig", "the current context does not run this program")
		return []Finding{f.failure("kubectl gets no token from this program in the current context", config.Command(config.Program, "setup", "kubernetes", "--issuer", "https://login.example.com", "--client-id", "ID"))}
	}
	f := ok("kubeconfig", "context %s: user %s runs %s", p.context, p.user, config.Shown(append([]string{p.exec.Command}, p.exec.Args...)))
	if p.other != "" {
		return []Finding{f.failure("the user has a "+p.other+" too: kubectl uses that, and does not run this program", config.Command("kubectl", "config", "unset", "users."+p.user+"."+p.other))}
	}
	return []Finding{f}
}

// review asks the API server of the current context whose token it is.
func (e *examination) review(ctx context.Context) []Finding {
	p, err := e.plugin()
	if err != nil || p == nil || p.other != "" {
		return nil // kubePluginFinding has told it, or kubectl is not the subject
	}
	step := "kubernetes"
	session, err := e.session()
	if err != nil {
		return []Finding{skipped(step, "the settings cannot be used")}
	}
	t := e.saved().token
	if t == nil {
		return []Finding{skipped(step, "there is no saved login")}
	}
	c := t.Credential(session.Kind())
	if !c.ValidAt(e.Env.Now()) {
		return []Finding{skipped(step, "the saved token has expired")}
	}
	f := ok(step, "context %s: %s", p.context, config.MaskURL(p.cluster.Server))
	who, err := p.cluster.review(ctx, c.Value)
	switch {
	case isRefused(err):
		problem, fix := e.unauthorized(login.DecodeClaims(c.Value), kindName(session.Kind(), t))
		return []Finding{f.failure(err.Error()+": "+problem, fix)}
	case err != nil:
		return []Finding{f.failure(err.Error(), config.Command("kubectl", "--context", p.context, "cluster-info"))}
	}
	return []Finding{ok(step, "context %s: %s knows the token as user %s, groups %s", p.context, config.MaskURL(p.cluster.Server), who.Username, orNone(strings.Join(who.Groups, " ")))}
}

// unauthorized tells why an API server may reject a token with these claims. API servers do
// not say why.
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#openid-connect-tokens
func (e *examination) unauthorized(c *login.Claims, kind string) (problem string, fix config.Hint) {
	switch {
	case c == nil:
		return "the token is opaque, and API servers take JWTs only", e.logIn("--scope", "openid", "--token-kind", "id")
	case strings.HasPrefix(c.Algorithm, "HS"):
		return "the token is signed with " + c.Algorithm + ", which API servers do not take", config.Text("let the client's ID tokens be signed with RS256 or ES256 at %s", c.Issuer)
	case !c.EmailVerified:
		return "the token says that the user's email address is not verified, and an API server that takes the user name from email rejects it", config.Text("verify the address at %s", c.Issuer)
	}
	problem = fmt.Sprintf("compare its configuration with this %s: issuer (--oidc-issuer-url) %s; audience (--oidc-client-id) %s; claims for the user name (--oidc-username-claim) %s",
		kind, orNone(c.Issuer), orNone(strings.Join(c.Audience, " ")), strings.Join(append([]string{"sub " + orNone(c.Subject)}, c.Names...), ", "))
	if len(c.Names) == 0 {
		return problem + "; the token has no email and no preferred_username", e.logIn("--scope", "openid", "--scope", "email", "--scope", "profile")
	}
	return problem, e.logIn("--client-id", "ID")
}

// userInfo is the answer of an API server.
type userInfo struct {
	Username string   `json:"username"`
	Groups   []string `json:"groups"`
}

// review asks the API server whose token it is:
// https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/self-subject-review-v1/
func (c kubeCluster) review(ctx context.Context, token oauth.Secret) (*userInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	const body = `{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}`
	address := strings.TrimSuffix(c.Server, "/") + "/apis/authentication.k8s.io/v1/selfsubjectreviews"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
	if err != nil || req.URL.Scheme != "https" { // kubectl sends tokens by https only
		return nil, errors.New("the API server's address is not an https URL")
	}
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return nil, oauth.Unreachable(ctx, req.URL.Host, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, oauth.Unreachable(ctx, req.URL.Host, err)
	}
	var answer struct {
		Status struct {
			UserInfo userInfo `json:"userInfo"`
		} `json:"status"`
	}
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return nil, &oauth.Error{Class: oauth.ClassRefused, Host: req.URL.Host, Problem: "the API server rejects the token (401 Unauthorized)"}
	case resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the API server answers %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	case json.NewDecoder(bytes.NewReader(text)).Decode(&answer) != nil || answer.Status.UserInfo.Username == "":
		return nil, errors.New("the API server does not say whose token it is")
	}
	return &answer.Status.UserInfo, nil
}

// client returns an HTTP client that trusts the cluster as the kubeconfig says.
func (c kubeCluster) client() (*http.Client, error) {
	settings := &tls.Config{InsecureSkipVerify: c.InsecureSkipTLSVerify, ServerName: c.TLSServerName}
	authority := c.CertificateAuthorityData
	if c.CertificateAuthority != "" && len(authority) == 0 {
		var err error
		if authority, err = system.ReadFile(c.CertificateAuthority, system.MaxConfig); err != nil {
			return nil, fmt.Errorf("the cluster's certificate authority cannot be read: %w", err)
		}
	}
	if len(authority) > 0 {
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM(authority) {
			return nil, errors.New("the cluster's certificate authority has no certificate")
		}
	}
	transport := oauth.NewTransport(settings)
	if c.ProxyURL != "" {
		u, err := url.Parse(c.ProxyURL)
		if err != nil {
			return nil, errors.New("the cluster's proxy-url is not a URL")
		}
		transport.Proxy = http.ProxyURL(u)
	}
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}
