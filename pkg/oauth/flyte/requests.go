package flyte

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Requests makes the requests of a login at a Flyte endpoint, which says itself how to log
// in. It is for the option WithRequests of pkg/cache.
type Requests struct {
	// Client has the endpoint. What it sets itself, such as a client ID, replaces what the
	// endpoint says.
	Client *oauth.Client
	// Network is how the endpoint is reached. Zero: by the default transport.
	Network Network
	// Accepted are the authorization and token endpoints that the user has accepted for the
	// endpoint, such as its pins in pkg/cache. Those of the saved login count too. The user
	// is asked in the browser about an authorization server of another domain than the
	// endpoint's, if it is not among them.
	Accepted []string
}

// PrepareRefresh prepares a refresh at the server that issued old.
func (r Requests) PrepareRefresh(ctx context.Context, old *oauth.Token, want oauth.Kind) (*oauth.TokenRequest, error) {
	c := *r.Client
	c.Server = &old.Server
	return c.PrepareRefresh(ctx, old, want)
}

// PrepareLogin asks the endpoint how to log in, and prepares a login. It returns an error if
// the endpoint names another server than the accepted one, or an [oauth.SplitError].
func (r Requests) PrepareLogin(ctx context.Context, old *oauth.Token, want oauth.Kind) (oauth.PreparedLogin, error) {
	c, err := r.discover(ctx, old)
	if err != nil {
		return nil, err
	}
	return c.PrepareLogin(ctx, want)
}

// ClientCredentials asks the endpoint how to get a token, and gets one.
func (r Requests) ClientCredentials(ctx context.Context, old *oauth.Token) (*oauth.Token, error) {
	c, err := r.discover(ctx, old)
	if err != nil {
		return nil, err
	}
	return c.ClientCredentials(ctx)
}

// Redeem sends a token request.
func (r Requests) Redeem(ctx context.Context, request *oauth.TokenRequest, old *oauth.Token, j oauth.Journal) (*oauth.Token, error) {
	return r.Client.Redeem(ctx, request, old, j)
}

func (r Requests) discover(ctx context.Context, old *oauth.Token) (*oauth.Client, error) {
	e, err := ParseEndpoint(r.Client.Endpoint)
	if err != nil {
		return nil, err
	}
	found, err := Discover(ctx, e, r.Network)
	if err != nil {
		return nil, err
	}
	accepted := r.Accepted
	if old != nil && old.Server.TokenEndpoint != "" {
		accepted = append(slices.Clone(accepted), old.Server.AuthorizationEndpoint, old.Server.TokenEndpoint)
	}
	if len(accepted) > 0 && !slices.Contains(accepted, found.Server.TokenEndpoint) {
		return nil, r.refuse("%s now sends logins to %s, before to others", e, oauth.Printable(found.Server.TokenEndpoint))
	}
	client := *r.Client
	client.AuthParamsInTokenRequest = true // as flytekit does
	c := found.Configure(&client)
	if c.Server, err = c.OneServer(ctx, c.Server, accepted); err != nil {
		return nil, err
	}
	foreign := func(endpoint string) bool { return !oauth.SameSite("https://"+e.Host, endpoint) }
	page := c.Server.AuthorizationEndpoint
	if c.Grant == oauth.GrantDevice {
		page = c.Server.DeviceEndpoint
	}
	if len(accepted) > 0 || c.Grant == oauth.GrantClientCredentials || !foreign(page) && !foreign(c.Server.TokenEndpoint) {
		return c, nil
	}
	if c.Open == nil || c.Grant == oauth.GrantDevice { // the question is asked in the browser
		return nil, r.refuse("%s sends logins to %s, which the user has not accepted", e, oauth.Printable(page))
	}
	c.Confirm = fmt.Sprintf("%s sends logins to another domain.\nSign-in page: %s\nToken endpoint: %s\nClient: %s", e, oauth.Printable(page), oauth.Printable(c.Server.TokenEndpoint), oauth.Printable(c.Server.ClientID))
	return c, nil
}

// refuse returns the error of an authorization server that the user has to accept first.
func (r Requests) refuse(format string, args ...any) error {
	words := fmt.Sprintf(format, args...)
	return &oauth.Error{Class: oauth.ClassInvalid, Problem: words + ": if that is right, run flyte-credential-helper login --endpoint " + oauth.Printable(r.Client.Endpoint)}
}

// Configure returns c with what the endpoint said. What c sets itself comes first.
func (f *LoginConfig) Configure(c *oauth.Client) *oauth.Client {
	configured := *c
	if c.Server == nil {
		server := f.Server
		server.ClientID, server.HeaderKey = cmp.Or(c.ClientID, f.ClientID), f.HeaderKey
		configured.Server = &server
	}
	configured.RedirectURI = cmp.Or(c.RedirectURI, f.RedirectURI)
	if c.RedirectURI == "" && len(c.RedirectPorts) == 0 && IsFlyteadmin(f.Server) {
		configured.RedirectPorts = []int{flytectlPort}
	}
	if len(c.Scopes) == 0 {
		configured.Scopes = f.Scopes
	}
	configured.Audience = cmp.Or(c.Audience, f.Audience)
	return &configured
}

// flytectlPort is the port that flytectl listens on at flyteadmin's own server if 53593 is in
// use: the only other port that is registered there.
const flytectlPort = 12345
