package caller

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/spf13/pflag"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Docker returns the caller for docker and other tools that use its credential helpers. They
// read errors on stdout. version returns the version of this program.
// https://github.com/docker/docker-credential-helpers
func Docker(version func() string) Caller {
	return Caller{
		Name: "docker", Words: "get|store|erase|list", Short: "docker's credential helper, for registries under serves in a profile", Example: "docker get <<< registry.example.com",
		LinkName: "docker-credential-flyte", Failure: dockerFailure,
		New: func(*pflag.FlagSet) Answer {
			return func(ctx context.Context, c Call) ([]byte, error) { return docker(ctx, c, version) }
		},
	}
}

func docker(ctx context.Context, c Call, version func() string) (document []byte, err error) {
	switch c.word(0) {
	case "get":
		document, err = dockerGet(ctx, c)
	case "store":
		err = dockerStore(c)
	case "erase":
		err = dockerErase(ctx, c)
	case "list":
		document, err = dockerList(ctx, c)
	case "version":
		return execcred.EncodeDockerVersion(modulePath(), version()), nil
	default:
		return nil, config.Errorf(config.Command("docker-credential-flyte", "get"), "docker's operations are get, store, erase, list and version, not %q", c.word(0))
	}
	for _, sentence := range []error{execcred.ErrDockerNotFound, execcred.ErrDockerNoServer, execcred.ErrDockerNoUsername} {
		if errors.Is(err, sentence) { // docker compares the answer with these sentences
			return []byte(sentence.Error() + "\n"), ErrInDocument
		}
	}
	return document, err
}

// dockerFailure returns the error and its hint in one line.
func dockerFailure(c Call, message string, hint config.Hint) []byte {
	if !slices.Contains([]string{"get", "store", "erase", "list", "version"}, c.word(0)) {
		return nil // the request is not docker's
	}
	switch {
	case hint.IsCommand():
		message += fmt.Sprintf(": run %q", hint)
	case hint.Text != "":
		message += ": " + hint.Text
	}
	return []byte(system.Printable(message + "\n"))
}

// dockerRequest reads a request and finds the profile that serves its host; r is nil if none
// does.
func dockerRequest(c Call, decode func([]byte) (*execcred.DockerRequest, error)) (request *execcred.DockerRequest, r *hostRequest, err error) {
	text, err := c.request()
	if err == nil {
		request, err = decode(text)
	}
	if err == nil {
		r, err = c.serve(request.Host, "", login.Policy{Forbidden: login.NeverLogsIn("docker")})
	}
	return request, r, err
}

func dockerGet(ctx context.Context, c Call) ([]byte, error) {
	request, r, err := dockerRequest(c, execcred.DecodeDocker)
	if err == nil && r == nil {
		err = execcred.ErrDockerNotFound
	}
	if err != nil {
		return nil, err
	}
	credential, err := r.token(ctx)
	if err != nil {
		return nil, err
	}
	credential.Username = r.entry.DockerUsername()
	return request.Encode(credential)
}

// dockerStore stores nothing. After docker login, get still returns the token of the profile
// that serves the host.
func dockerStore(c Call) error {
	request, r, err := dockerRequest(c, execcred.DecodeDockerStore)
	if err == nil && r == nil {
		err = errors.New("this credential helper does not store passwords, and no profile serves this registry")
	}
	if err != nil {
		return err
	}
	r.Note("the password is not stored: docker gets the token of profile %s for %s", r.profile, request.Host)
	return nil
}

// dockerErase is called by docker logout, and after a registry has rejected the token.
func dockerErase(ctx context.Context, c Call) error {
	_, r, err := dockerRequest(c, execcred.DecodeDocker)
	if err != nil || r == nil {
		return err
	}
	r.renew(ctx, func(oauth.Credential) bool { return true })
	r.Note("the login is kept; to log out, run: %s logout --profile %s", config.Program, r.profile)
	return nil
}

// dockerList lists the hosts for which a valid token is saved.
func dockerList(ctx context.Context, c Call) ([]byte, error) {
	file, err := config.ReadFiles(c.Input.ConfigPaths, c.Input.ReadFile)
	if err != nil {
		return execcred.EncodeDockerList(nil)
	}
	usernames := map[execcred.Host]string{}
	for _, profile := range file.Names() {
		r, err := c.withProfile(profile, config.HostEntry{}, login.Policy{Forbidden: login.NeverLogsIn("docker")})
		if err != nil || !r.hasToken(ctx) {
			continue
		}
		for _, entry := range file.Serves[profile] {
			if host, exact := entry.Pattern.Host(); exact {
				usernames[host] = entry.DockerUsername()
			}
		}
	}
	return execcred.EncodeDockerList(usernames)
}

// modulePath is the path of the module that the program was built from.
func modulePath() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Path
	}
	return "unknown"
}
