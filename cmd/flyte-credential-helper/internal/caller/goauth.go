package caller

import (
	"context"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Goauth returns the caller for the go command: https://pkg.go.dev/cmd/go#hdr-GOAUTH_environment_variable
func Goauth() Caller {
	return Caller{
		Name: "goauth", Words: "[URL]", Short: "the go command's GOAUTH, for hosts under serves in a profile", Example: "goauth https://go.example.com",
		New: withoutFlags(goauth),
	}
}

// goPolicy starts no login, because the go command requests a token for every host it uses.
func goPolicy() login.Policy { return login.Policy{Forbidden: login.NeverLogsIn("the go command")} }

func goauth(ctx context.Context, c Call) ([]byte, error) {
	if len(c.Words) > 1 {
		return nil, config.Errorf(config.Command(config.Program, "goauth", "https://go.example.com"), "goauth takes one URL or none")
	}
	if len(c.Words) == 0 {
		return goauthFirst(ctx, c), nil
	}
	if url := c.word(0); !strings.Contains(url, "://") {
		return nil, config.Errorf(config.Command(config.Program, "goauth", "https://"+url), "%s is not a URL", url)
	}
	request, err := request(c, func(answer []byte) (*execcred.GoauthRequest, error) { return execcred.DecodeGoauth(c.word(0), answer) })
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
	_, credential, err := r.token(ctx, rejected)
	if err != nil {
		return nil, err
	}
	return request.Encode(credential)
}

// goauthFirst answers for all hosts that are named without a wildcard, before the go command
// has used any. It reports no error, because the tokens may not be needed.
func goauthFirst(ctx context.Context, c Call) (all []byte) {
	line := c.Input.CommandLine
	file, err := config.ReadFiles(c.Input.ConfigPaths, c.Input.ReadFile)
	if err != nil || line.NamesServer() {
		return nil
	}
	first := &execcred.GoauthRequest{First: true}
	for _, profile := range file.Names() {
		if only := line.Settings.Profile; only != "" && profile != only {
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
		if _, credential, err := r.token(ctx, nil); err == nil {
			document, _ := first.Encode(credential, hosts...)
			all = append(all, document...)
		}
	}
	return all
}
