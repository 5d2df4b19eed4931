package caller

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Docker returns the caller for docker and other tools that use its credential helpers. They
// read errors on stdout.
// https://github.com/docker/docker-credential-helpers
func Docker() Caller {
	return Caller{
		Name: "docker", Words: "get|store|erase|list", Short: "docker's credential helper, for registries under serves in a profile", Example: "docker get <<< registry.example.com",
		LinkName: "docker-credential-flyte", New: withoutFlags(docker), Failure: dockerFailure,
	}
}

// dockerOperation returns the function for one of docker's operations, or nil.
func dockerOperation(name string) func(context.Context, Call) ([]byte, error) {
	return map[string]func(context.Context, Call) ([]byte, error){
		"get": dockerGet, "store": dockerStore, "erase": dockerErase, "list": dockerList, "version": dockerVersion,
	}[name]
}

func docker(ctx context.Context, c Call) ([]byte, error) {
	operation := dockerOperation(c.word(0))
	if operation == nil {
		return nil, config.Errorf(config.Command("docker-credential-flyte", "get"), "docker's operations are get, store, erase, list and version, not %q", c.word(0))
	}
	document, err := operation(ctx, c)
	for _, sentence := range []error{execcred.ErrDockerNotFound, execcred.ErrDockerNoServer, execcred.ErrDockerNoUsername} {
		if errors.Is(err, sentence) { // docker compares the answer with these sentences
			return []byte(sentence.Error() + "\n"), ErrInDocument
		}
	}
	return document, err
}

// dockerFailure returns the error and its hint in one line.
func dockerFailure(c Call, message string, hint config.Hint) []byte {
	if dockerOperation(c.word(0)) == nil {
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
func dockerRequest(c Call, decode func([]byte) (*execcred.DockerRequest, error)) (_ *execcred.DockerRequest, r *hostRequest, err error) {
	asked, err := request(c, decode)
	if err == nil {
		r, err = c.serve(asked.Host, "", login.Policy{Forbidden: login.NeverLogsIn("docker")})
	}
	return asked, r, err
}

func dockerGet(ctx context.Context, c Call) ([]byte, error) {
	request, r, err := dockerRequest(c, execcred.DecodeDocker)
	if err == nil && r == nil {
		err = execcred.ErrDockerNotFound
	}
	if err != nil {
		return nil, err
	}
	_, credential, err := r.token(ctx, nil)
	if err != nil {
		return nil, err
	}
	credential.Username = r.entry.DockerUsername()
	return request.Encode(credential)
}

// dockerStore stores nothing. After docker login, get still returns the token of the profile
// that serves the host.
func dockerStore(_ context.Context, c Call) ([]byte, error) {
	request, r, err := dockerRequest(c, execcred.DecodeDockerStore)
	if err == nil && r == nil {
		err = errors.New("this credential helper does not store passwords, and no profile serves this registry")
	}
	if err == nil {
		r.Note("the password is not stored: docker gets the token of profile %s for %s", r.profile, request.Host)
	}
	return nil, err
}

// dockerErase is called by docker logout, and after a registry has rejected the token.
func dockerErase(ctx context.Context, c Call) ([]byte, error) {
	_, r, err := dockerRequest(c, execcred.DecodeDocker)
	if err != nil || r == nil {
		return nil, err
	}
	r.renew(ctx, func(oauth.Credential) bool { return true })
	r.Note("the login is kept; to log out, run: %s logout --profile %s", config.Program, r.profile)
	return nil, nil
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

// dockerVersion names this program by its module and version.
func dockerVersion(_ context.Context, c Call) ([]byte, error) {
	path := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		path = info.Main.Path
	}
	return execcred.EncodeDockerVersion(path, c.Version()), nil
}
