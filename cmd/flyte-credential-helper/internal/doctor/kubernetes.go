package doctor

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/setup"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// checkContexts lists the contexts that run this program. If kubectl is examined, the current
// one must be among them.
func checkContexts(s Subject, c configuration) (all []Finding) {
	isExamined := s.Caller == "kubernetes"
	switch err := c.plugins.err; {
	case err != nil && isExamined:
		return []Finding{ok("not usable").failure(err.Error(), s.Hint(err))}
	case err != nil:
		return []Finding{ok("not usable").warning(err.Error(), s.Hint(err))}
	case c.current == nil && isExamined:
		fix := c.setUp("kubernetes")
		if c.settings.value == nil || c.settings.value.ProfileInUse == "" {
			fix = c.setUp("kubernetes", "--issuer", "https://login.example.com", "--client-id", "ID")
		}
		all = append(all, ok("the current context does not run this program").failure("kubectl gets no token from this program in the current context", fix))
	}
	for _, p := range c.plugins.value {
		f := ok("context %s: user %s runs %s", p.Context, p.User, shownCommand(append([]string{p.Command}, p.Args...)))
		_, err := p.Input(s.Input)
		switch {
		case err != nil && !isExamined: // otherwise checkSettings tells it
			f = f.failure(err.Error(), s.Hint(err))
		case !isRunnable(p.Command):
			f = f.failure("there is no program "+p.Command, c.setUp("kubernetes", "--context", p.Context))
		case p.Other != "":
			f = f.failure("the user has a "+p.Other+" too: kubectl uses that, and does not run this program", config.Command("kubectl", "config", "unset", "users."+p.User+"."+p.Other))
		}
		all = append(all, f)
	}
	return all
}

// checkAPIServer asks the API server of the current context whose token it is.
func checkAPIServer(ctx context.Context, p *setup.KubePlugin, a account) []Finding {
	token := a.token.Credential(a.kind).Value
	name := fmt.Sprintf("context %s: %s", p.Context, config.MaskURL(p.Cluster.Server))
	user, groups, err := review(ctx, p.Cluster, token)
	switch {
	case isRefused(err):
		problem, fix := unauthorized(a, login.DecodeClaims(token), a.tokenName())
		return []Finding{ok("%s", name).failure(err.Error()+": "+problem, fix)}
	case err != nil:
		return []Finding{ok("%s", name).failure(err.Error(), config.Inspect("kubectl", "--context", p.Context, "cluster-info"))}
	}
	return []Finding{ok("%s knows the token as user %s, groups %s", name, user, orNone(strings.Join(groups, " ")))}
}

// unauthorized tells why an API server may reject a token with these claims. API servers do
// not say why.
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#openid-connect-tokens
func unauthorized(a account, c *login.Claims, kind string) (problem string, fix config.Hint) {
	switch {
	case c == nil:
		return "the token is opaque, and API servers take JWTs only", a.logIn("--scope", "openid", "--token-kind", "id")
	case strings.HasPrefix(c.Algorithm, "HS"):
		return "the token is signed with " + c.Algorithm + ", which API servers do not take", config.Text("let the client's ID tokens be signed with RS256 or ES256 at %s", c.Issuer)
	case !c.EmailVerified:
		return "the token says that the user's email address is not verified, and an API server that takes the user name from email rejects it", config.Text("verify the address at %s", c.Issuer)
	}
	problem = fmt.Sprintf("compare its configuration with this %s: issuer (--oidc-issuer-url) %s; audience (--oidc-client-id) %s; claims for the user name (--oidc-username-claim) %s",
		kind, orNone(c.Issuer), orNone(strings.Join(c.Audience, " ")), strings.Join(append([]string{"sub " + orNone(c.Subject)}, c.Names...), ", "))
	if len(c.Names) == 0 {
		return problem + "; the token has no email and no preferred_username", a.logIn("--scope", "openid", "--scope", "email", "--scope", "profile")
	}
	return problem, a.logIn("--client-id", "ID")
}

// review asks the API server whose token it is:
// https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/self-subject-review-v1/
func review(ctx context.Context, c setup.KubeCluster, token oauth.Secret) (user string, groups []string, err error) {
	ctx, cancel := limited(ctx, "the API server")
	defer cancel()
	transport, err := clusterTransport(c)
	if err != nil {
		return "", nil, err
	}
	const body = `{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}`
	address := strings.TrimSuffix(c.Server, "/") + "/apis/authentication.k8s.io/v1/selfsubjectreviews"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
	if err != nil || req.URL.Scheme != "https" { // kubectl sends tokens by https only
		return "", nil, errors.New("the API server's address is not an https URL")
	}
	req.Header = http.Header{"Authorization": {"Bearer " + token.Reveal()}, "Content-Type": {"application/json"}, "Accept": {"application/json"}}
	resp, err := transport.RoundTrip(req) // it follows no redirect
	if err != nil {
		return "", nil, oauth.Unreachable(ctx, req.URL.Host, err)
	}
	defer resp.Body.Close()
	var answer struct {
		Status struct {
			UserInfo struct {
				Username string
				Groups   []string
			}
		}
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&answer)
	who := answer.Status.UserInfo
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return "", nil, &oauth.Error{Class: oauth.ClassRefused, Host: req.URL.Host, Problem: "the API server rejects the token (401 Unauthorized)"}
	case resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusOK:
		return "", nil, fmt.Errorf("the API server answers %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	case err != nil || who.Username == "":
		return "", nil, errors.New("the API server does not say whose token it is")
	}
	return who.Username, who.Groups, nil
}

// clusterTransport connects to the API server of a cluster as client-go does.
func clusterTransport(c setup.KubeCluster) (*http.Transport, error) {
	settings := &tls.Config{InsecureSkipVerify: c.SkipVerify, ServerName: c.ServerName}
	authority, err := base64.StdEncoding.DecodeString(c.Certificates)
	if c.Certificates == "" && c.CertificateFile != "" {
		authority, err = system.ReadFile(c.CertificateFile, system.MaxConfig)
	}
	if len(authority) > 0 {
		settings.RootCAs = x509.NewCertPool()
	}
	if err != nil || len(authority) > 0 && !settings.RootCAs.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("the cluster's certificate authority cannot be read: %w", cmp.Or(err, errors.New("it has no certificate")))
	}
	transport := oauth.NewTransport(settings)
	if c.ProxyURL != "" {
		u, err := url.Parse(c.ProxyURL)
		if err != nil {
			return nil, errors.New("the cluster's proxy-url is not a URL")
		}
		transport.Proxy = http.ProxyURL(u)
	}
	return transport, nil
}
