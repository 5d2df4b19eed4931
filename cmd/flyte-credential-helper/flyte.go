package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// flytePort is where flytectl listens at flyteadmin's own server when 53593 is
// taken: the only other port that is registered there.
const flytePort = 12345

// unasked stands for what a Flyte endpoint will say, where the settings are checked
// that do not depend on it.
func unasked() *oauth.Metadata {
	const somewhere = "https://flyte.invalid"
	return &oauth.Metadata{ClientID: "-", AuthorizationEndpoint: somewhere, TokenEndpoint: somewhere, DeviceEndpoint: somewhere}
}

// ask has a Flyte endpoint, if it is one, say how to log in. What the settings say
// comes before that. old is what was kept of the login.
func (c *call) ask(ctx context.Context, client *oauth.Client, old *oauth.Token) error {
	if !c.discovers() {
		return nil
	}
	found, err := c.discover(ctx)
	if err != nil {
		return err
	}
	if err := c.pinned(old, found); err != nil {
		return err
	}
	client.Server = &found.Server
	client.Server.ClientID = cmp.Or(c.clientID, found.ClientID)
	client.Server.HeaderKey = found.HeaderKey
	if client.Server.ClientID == "" {
		return usage(c.loginCommand()+" --client-id ID", "%s does not say which client programs are: give its id", c.server())
	}
	if c.redirectURI == "" {
		client.RedirectURI = found.RedirectURI
		if len(c.redirectPort) == 0 && flyte.OwnServer(found.Server) {
			client.RedirectPorts = []int{flytePort}
		}
	}
	if len(c.scope) == 0 {
		client.Scopes = found.Scopes
	}
	client.Audience = cmp.Or(c.audience, found.Audience)
	if !slices.Contains(c.said, "auth-params-in-token-request") {
		client.AuthParamsInTokenRequest = true // as flytekit does there
	}
	return nil
}

// discovers reports whether a Flyte endpoint says how to log in. Explicit endpoints beside
// it replace that.
func (c *call) discovers() bool {
	return c.endpoint != "" && c.authEndpoint == "" && c.tokenEndpoint == "" && c.deviceEndpoint == "" && c.revocationEndpoint == ""
}

// discover has the endpoint say what it wants of who logs in.
func (c *call) discover(ctx context.Context) (*flyte.Found, error) {
	e, err := flyte.ParseEndpoint(c.endpoint)
	if err != nil {
		return nil, err
	}
	network, err := c.network()
	if err != nil {
		return nil, err
	}
	if err := c.proxyToken().ready(ctx); err != nil {
		return nil, err
	}
	found, err := flyte.Discover(ctx, e, *network)
	if errors.Is(err, flyte.ErrNoAuth) {
		return nil, usage("", "%s does not use authentication: no login is needed, and no token", c.server())
	}
	if oauth.ClassOf(err) == oauth.ClassConfig && e.Plaintext && c.plaintext != "" {
		err = fmt.Errorf("%w (that it is without TLS is what %s says)", err, c.plaintext)
	}
	return found, err
}

// pinned refuses to send a login elsewhere than the last one, unless a person has
// said so: whoever can answer for the endpoint could have people log in at theirs.
func (c *call) pinned(old *oauth.Token, found *flyte.Found) error {
	if old == nil || old.Server.TokenEndpoint == "" || old.Server.TokenEndpoint == found.Server.TokenEndpoint {
		return nil
	}
	words := fmt.Sprintf("%s now has its logins at %s, and had them at %s", c.server(), oauth.Printable(found.Server.TokenEndpoint), oauth.Printable(old.Server.TokenEndpoint))
	if c.person {
		c.note("%s", words)
		return nil
	}
	return &loginNeeded{where: c.server(), reason: words}
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return oauth.Printable(address)
	}
	return oauth.Printable(u.Host)
}
