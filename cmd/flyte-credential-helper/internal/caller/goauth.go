package caller

import (
	"context"
	"os"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Goauth is the go command.
func Goauth() Caller {
	return Caller{
		Name: "goauth", Words: "[URL]", Short: "the go command: GOAUTH, for the hosts that profiles serve",
		New: without(goauth),
	}
}

// goPolicy: the go command asks for every host it uses.
func goPolicy() login.Policy { return login.Policy{Forbidden: login.NeverLogsIn("the go command")} }

func goauth(ctx context.Context, c Call) ([]byte, error) {
	if len(c.Words) > 1 {
		return nil, config.Errorf(config.Command(config.Program, "goauth", "https://go.example.com"), "the go command gives one URL, or none")
	}
	if len(c.Words) == 0 {
		return goauthFirst(ctx, c), nil
	}
	answer, err := c.request()
	if err != nil {
		return nil, err
	}
	request, err := execcred.DecodeGoauth(c.word(0), answer)
	if err != nil {
		return nil, err
	}
	r, err := c.serve(request.Host, "", goPolicy())
	if err != nil || r == nil {
		return nil, err
	}
	// A 401 rejects a token only if the first answer had one for that host.
	var rejected func(oauth.Credential) bool
	if _, exact := r.entry.Pattern.Host(); exact && request.Rejected {
		rejected = func(oauth.Credential) bool { return true }
	}
	credential, err := r.tokenUnless(ctx, rejected)
	if err != nil {
		return nil, err
	}
	return request.Encode(credential)
}

// goauthFirst answers for all hosts that are named in full, before the go command has used
// any. Without a token it says nothing: the token may not be needed.
func goauthFirst(ctx context.Context, c Call) (all []byte) {
	line := c.Input.CommandLine
	file, err := config.ReadFile(c.Input.ConfigPath, os.ReadFile)
	if err != nil || line.NamesServer() {
		return nil
	}
	first := &execcred.GoauthRequest{First: true}
	for _, profile := range file.Names() {
		if only := line.Profile(); only != "" && profile != only {
			continue
		}
		var hosts []execcred.Host
		for _, entry := range file.Serves[profile] {
			if host, exact := entry.Pattern.Host(); exact && host.Secure() {
				hosts = append(hosts, host)
			}
		}
		if len(hosts) == 0 {
			continue
		}
		r, err := c.withProfile(profile, config.HostEntry{}, goPolicy())
		if err != nil {
			continue
		}
		if credential, err := r.token(ctx); err == nil {
			document, _ := first.Encode(credential, hosts...)
			all = append(all, document...)
		}
	}
	return all
}
