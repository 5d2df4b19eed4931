package caller

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"

	"github.com/spf13/pflag"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Docker is docker and similar tools, which read errors on stdout. version returns the program's.
func Docker(version func() string) Caller {
	return Caller{
		Name: "docker", Words: "get|store|erase|list", Short: "docker and its kin: a credential helper, for the registries that profiles serve",
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
		if errors.Is(err, sentence) { // which docker's clients know
			return []byte(sentence.Error() + "\n"), ErrTold
		}
	}
	return document, err
}

// dockerFailure says what is wrong, and what to do, in one line.
func dockerFailure(c Call, message string, hint config.Hint) []byte {
	if !slices.Contains([]string{"get", "store", "erase", "list", "version"}, c.word(0)) {
		return nil // docker did not ask
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
	return request.Encode(credential, r.entry.DockerUsername())
}

// dockerStore keeps nothing: after docker login the answer is our token, if the host is
// served.
func dockerStore(c Call) error {
	request, r, err := dockerRequest(c, execcred.DecodeDockerStore)
	if err == nil && r == nil {
		err = errors.New("no profile serves this registry, so nothing is kept for it")
	}
	if err != nil {
		return err
	}
	r.Note("what docker logs in with is not kept: %s gets the token of profile %s", request.Host, r.profile)
	return nil
}

// dockerErase is called by docker logout, and after a registry's refusal.
func dockerErase(ctx context.Context, c Call) error {
	_, r, err := dockerRequest(c, execcred.DecodeDocker)
	if err != nil || r == nil {
		return err
	}
	r.renew(ctx, func(oauth.Credential) bool { return true })
	r.Note("the login stays; to end it: %s logout --profile %s", config.Program, r.profile)
	return nil
}

// dockerList lists the hosts that get would have an answer for without a request.
func dockerList(ctx context.Context, c Call) ([]byte, error) {
	file, err := config.ReadFile(c.Input.ConfigPath, os.ReadFile)
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
