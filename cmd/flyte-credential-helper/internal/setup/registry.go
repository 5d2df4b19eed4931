package setup

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// registry is a container registry that is to take a user name and a token.
// https://distribution.github.io/distribution/spec/auth/token/
type registry struct {
	client                *http.Client
	url, username, secret string
}

// take asks the registry itself, as docker login does: with the token as a password, or
// with what its token server gives for that.
func (r *registry) take(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	resp, _, err := r.get(ctx, r.url+"/v2/", "")
	if err != nil || resp.StatusCode == http.StatusOK {
		return err
	}
	realm := r.realm(resp)
	if realm == "" {
		return fmt.Errorf("it answers %s", resp.Status)
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
		return fmt.Errorf("its token server answers %s", resp.Status)
	}
	if given.Token == "" {
		given.Token = given.AccessToken
	}
	if resp, _, err = r.get(ctx, r.url+"/v2/", given.Token); err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("it answers %s to what its token server gave", resp.Status)
	}
	return err
}

// get asks with the bearer token, or with the user name and the secret.
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

// realm is the token server that a registry names, if the token may go there: by
// https, or where the registry is.
func (r *registry) realm(resp *http.Response) string {
	challenge, found := strings.CutPrefix(resp.Header.Get("WWW-Authenticate"), "Bearer ")
	if !found {
		return ""
	}
	said := url.Values{}
	for part := range strings.SplitSeq(challenge, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		said.Set(strings.ToLower(name), strings.Trim(value, `"`))
	}
	u, err := url.Parse(said.Get("realm"))
	if err != nil || u.Scheme != "https" && u.Host != resp.Request.URL.Host {
		return ""
	}
	q := u.Query()
	q.Set("service", said.Get("service"))
	u.RawQuery = q.Encode()
	return u.String()
}
