package execcred

// https://github.com/docker/docker-credential-helpers#development

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Docker's clients recognize these errors by their text, which a helper writes to stdout
// with exit status 1. After ErrDockerNotFound they continue without a credential. They show
// any other text and stop.
var (
	ErrDockerNotFound   = errors.New("credentials not found in native keychain")
	ErrDockerNoServer   = errors.New("no credentials server URL")
	ErrDockerNoUsername = errors.New("no credentials username")
)

// DockerIdentityToken is the user name that marks the secret as an identity token for the
// registry's token server, and not as a password.
const DockerIdentityToken = "<token>"

// DockerRequest is a host request of docker to a credential helper.
type DockerRequest struct {
	Host Host // zero: no token may be sent to the server

	server string
}

// DecodeDocker decodes the input of get and erase: a server URL, which may lack the scheme
// or the path. If it is empty, the error is [ErrDockerNoServer].
func DecodeDocker(text []byte) (*DockerRequest, error) {
	server := strings.TrimSpace(string(text))
	if server == "" {
		return nil, ErrDockerNoServer
	}
	return &DockerRequest{Host: dockerHost(server), server: server}, nil
}

// dockerHost returns the host of a server URL. Usually it has no scheme: docker negotiates
// the protocol with the server.
func dockerHost(server string) Host {
	if !utf8.ValidString(server) { // the answer repeats it as JSON
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

// DecodeDockerStore decodes the input of store. It does not keep the secret.
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

// Encode answers the operation get. The user name of c may be [DockerIdentityToken].
func (r *DockerRequest) Encode(c Credential) ([]byte, error) {
	t, err := c.token()
	if err != nil {
		return nil, err
	}
	username, err := c.username()
	if err != nil {
		return nil, err
	}
	return jsonLine(struct{ ServerURL, Username, Secret string }{r.server, username, t})
}

// EncodeDockerList answers the operation list: the hosts for which get has an answer, with
// their user names.
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

// jsonLine returns v as one line of JSON.
func jsonLine(v any) ([]byte, error) {
	line, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return append(line, '\n'), nil
}

// uniqueString is a JSON string whose key may occur twice only with the same value:
// encoding/json takes the last value, and other programs take the first.
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
