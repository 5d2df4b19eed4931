package setup

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// registry is a container registry, with the user name and the token that docker sends.
// https://distribution.github.io/distribution/spec/auth/token/
type registry struct {
	client                *http.Client
	url, username, secret string
}

// refusedError means that a registry was reached and does not accept the token.
type refusedError struct{ reason string }

func (e *refusedError) Error() string { return e.reason }

// take asks the registry as docker login does: with the token as the password, or with what its
// token server gives for the token.
func (r *registry) take(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	resp, _, err := r.get(ctx, r.url+"/v2/", "")
	if err != nil || resp.StatusCode == http.StatusOK {
		return err
	}
	realm := r.realm(resp)
	if realm == "" {
		return &refusedError{"it answers " + resp.Status}
	}
	resp, body, err := r.get(ctx, realm, "")
	if err != nil {
		return err
	}
	var given struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
	}
	if resp.StatusCode != http.StatusOK || json.Unmarshal(body, &given) != nil || given.Token+given.AccessToken == "" {
		return &refusedError{"its token server answers " + resp.Status}
	}
	if given.Token == "" {
		given.Token = given.AccessToken
	}
	if resp, _, err = r.get(ctx, r.url+"/v2/", given.Token); err == nil && resp.StatusCode != http.StatusOK {
		err = &refusedError{"it answers " + resp.Status + " to the token of its token server"}
	}
	return err
}

// get sends a request with the bearer token or, without one, the user name and the secret.
func (r *registry) get(ctx context.Context, address, bearer string) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	} else {
		req.SetBasicAuth(r.username, r.secret)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, nil, oauth.Unreachable(ctx, req.URL.Host, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp, body, err
}

// realm is the token server that a registry names, if the token may be sent there: by https, or
// to the host of the registry.
func (r *registry) realm(resp *http.Response) string {
	challenge, found := strings.CutPrefix(resp.Header.Get("WWW-Authenticate"), "Bearer ")
	if !found {
		return ""
	}
	parameters := url.Values{}
	for part := range strings.SplitSeq(challenge, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		parameters.Set(strings.ToLower(name), strings.Trim(value, `"`))
	}
	u, err := url.Parse(parameters.Get("realm"))
	if err != nil || u.Scheme != "https" && u.Host != resp.Request.URL.Host {
		return ""
	}
	q := u.Query()
	q.Set("service", parameters.Get("service"))
	u.RawQuery = q.Encode()
	return u.String()
}
