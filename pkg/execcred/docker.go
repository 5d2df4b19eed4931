package execcred

// https://github.com/docker/docker-credential-helpers#development

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Docker's clients know these errors by their sentences, on stdout with exit
// status 1. Not found has them go on without a credential; any other sentence is
// shown, and is the end.
var (
	ErrDockerNotFound   = errors.New("credentials not found in native keychain")
	ErrDockerNoServer   = errors.New("no credentials server URL")
	ErrDockerNoUsername = errors.New("no credentials username")
)

// DockerIdentityToken as the user name says that the secret is a token for the
// registry's own token server, and not a password.
const DockerIdentityToken = "<token>"

// DockerRequest is what docker says to a credential helper.
type DockerRequest struct {
	Host Host // zero: none that a token is given for

	server string
}

// DecodeDocker reads the server URL that get and erase come with, which is a host
// with more or less around it. An empty one is [ErrDockerNoServer].
func DecodeDocker(text []byte) (*DockerRequest, error) {
	server := strings.TrimSpace(string(text))
	if server == "" {
		return nil, ErrDockerNoServer
	}
	return &DockerRequest{Host: dockerHost(server), server: server}, nil
}

// dockerHost reads the host of a server URL. Without a scheme, which is usual,
// docker settles the protocol with the server.
func dockerHost(server string) Host {
	if !utf8.ValidString(server) { // it is repeated, as JSON
		return Host{}
	}
	if strings.Contains(server, "://") {
		return parseURL(server)
	}
	address, ok := cutAddress(server)
	if !ok {
		return Host{}
	}
	h, _ := parseAddress(address)
	return h
}

// DecodeDockerStore reads what store comes with. The secret in it is not kept.
func DecodeDockerStore(text []byte) (*DockerRequest, error) {
	var stored struct{ ServerURL, Username, Secret uniqueString }
	if json.Unmarshal(text, &stored) != nil {
		return nil, errors.New("the credentials to store are not docker's JSON")
	}
	if stored.ServerURL != "" && stored.Username == "" {
		return nil, ErrDockerNoUsername
	}
	return DecodeDocker([]byte(stored.ServerURL))
}

// Encode answers the operation get. An empty user name is [DefaultUsername];
// [DockerIdentityToken] is one too.
func (r *DockerRequest) Encode(c Credential, username string) ([]byte, error) {
	t, err := c.token()
	if err != nil {
		return nil, err
	}
	if username, err = usernameOf(username); err != nil {
		return nil, err
	}
	return jsonLine(struct{ ServerURL, Username, Secret string }{r.server, username, t})
}

// EncodeDockerList answers the operation list: whose get would have an answer, and
// under which user name.
func EncodeDockerList(usernames map[Host]string) ([]byte, error) {
	list := make(map[string]string, len(usernames))
	for h, username := range usernames {
		username, err := usernameOf(username)
		if err != nil {
			return nil, err
		}
		list[h.address()] = username
	}
	return jsonLine(list)
}

// EncodeDockerVersion answers the operation version.
func EncodeDockerVersion(module, version string) []byte {
	return fmt.Appendf(nil, "docker-credential-flyte (%s) %s\n", module, version)
}

// jsonLine is v as JSON on a line of its own.
func jsonLine(v any) ([]byte, error) {
	line, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return append(line, '\n'), nil
}

// uniqueString is a string in JSON whose key, said twice, says the same:
// encoding/json would take the last one, and other readers the first.
type uniqueString string

func (s *uniqueString) UnmarshalJSON(text []byte) error {
	var v string
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	if *s != "" && string(*s) != v {
		return errors.New("a key has two values")
	}
	*s = uniqueString(v)
	return nil
}
