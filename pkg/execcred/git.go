package execcred

// https://git-scm.com/docs/git-credential#IOFMT

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	// GitQuit is the answer that makes git stop. It then asks neither another helper nor
	// the user.
	GitQuit = "quit=1\n"

	// GitCapabilities is the answer to the operation capability.
	GitCapabilities = "version 0\ncapability authtype\ncapability state\n"
)

// GitScheme says how git sends the token to a host.
type GitScheme string

const (
	GitAuto   GitScheme = "auto"   // Bearer if git supports it and the server offers it, otherwise Basic
	GitBearer GitScheme = "bearer" // Bearer (RFC 6750) if git supports it
	GitBasic  GitScheme = "basic"  // Basic (RFC 7617), with the token as the password
)

const (
	maxGitRequest = 1 << 20
	maxGitLines   = 256
	maxGitLine    = 65535
)

// gitState is the prefix of the state[] that this package writes, with its version.
const gitState = "flyte:1:"

// GitRequest is a host request of git to a credential helper, for any operation.
type GitRequest struct {
	Host     Host   // zero: no token may be sent to the URL
	Username string // of the URL, or of an answer; empty: not known

	authtype, state bool   // capabilities of this git
	bearer          bool   // the server offers it
	rejected        string // the fingerprint of the token that the server rejected
	password        string
	credential      string
}

// DecodeGit decodes the attributes that git writes. It ignores unknown ones. Attributes that
// are ambiguous or contain a byte that could end a line are an error. The answer to such a
// request is empty, as for a host without a credential.
func DecodeGit(text []byte) (*GitRequest, error) {
	if len(text) > maxGitRequest {
		return nil, errors.New("git's request is too long")
	}
	var a gitAttributes
	lines := 0
	for line := range strings.SplitSeq(string(text), "\n") {
		if line == "" {
			break
		}
		if lines++; lines > maxGitLines || len(line) > maxGitLine {
			return nil, errors.New("git's request is too long")
		}
		key, value, found := strings.Cut(line, "=")
		if !found {
			return nil, errors.New("git's request has a line without an equals sign")
		}
		if err := a.set(key, value); err != nil {
			return nil, err
		}
	}
	return a.request()
}

// Rejected reports whether git asks again because the server rejected c.
func (r *GitRequest) Rejected(c Credential) bool {
	t, err := c.token()
	return err == nil && r.rejected == gitFingerprint(t)
}

// HasCredential reports whether the password or credential in git's request is c. Only
// then may erase delete c.
func (r *GitRequest) HasCredential(c Credential) bool {
	t, err := c.token()
	return err == nil && subtle.ConstantTimeCompare([]byte(t), []byte(r.password))|subtle.ConstantTimeCompare([]byte(t), []byte(r.credential)) == 1
}

// Encode answers the operation get. The user name of c is for Basic. If git supports
// state[], the answer asks git to call get once more, and not erase, if the server rejects
// the token. The answer to that second get does not.
func (r *GitRequest) Encode(c Credential, scheme GitScheme) ([]byte, error) {
	t, err := c.token()
	if err != nil {
		return nil, err
	}
	username, err := c.username()
	if err != nil {
		return nil, err
	}
	var lines, credential []string
	if r.authtype && (scheme == GitBearer || scheme != GitBasic && r.bearer) {
		lines = append(lines, "capability[]=authtype")
		credential = []string{"authtype=Bearer", "credential=" + t, "ephemeral=1"} // other helpers must not store it
	} else {
		credential = []string{"username=" + username, "password=" + t}
	}
	if r.state {
		lines = append(lines, "capability[]=state")
	}
	lines = append(lines, credential...)
	if !c.Expiry.IsZero() {
		lines = append(lines, "password_expiry_utc="+strconv.FormatInt(c.Expiry.Unix(), 10))
	}
	if r.state {
		lines = append(lines, "state[]="+gitState+gitFingerprint(t))
	}
	if r.state && r.rejected == "" {
		lines = append(lines, "continue=1")
	}
	return []byte(strings.Join(lines, "\n") + "\n"), nil
}

// gitFingerprint returns a text that identifies a token without revealing it.
func gitFingerprint(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:8])
}

// gitAttributes are the attributes that were decoded so far, without those that are not used.
type gitAttributes struct {
	protocol, host, username         string
	password, credential             string
	capabilities, challenges, states []string
}

// set stores one attribute. The last value of a name counts, and an empty value of an array
// clears the array.
func (a *gitAttributes) set(key, value string) error {
	if strings.ContainsAny(key+value, "\r\n\x00") {
		return errors.New("git's request has a carriage return, a line feed or a NUL within a line")
	}
	switch key {
	case "protocol":
		return setOnce(key, &a.protocol, value)
	case "host":
		return setOnce(key, &a.host, value)
	case "path":
		if !isClean(value) || !isPath(value) {
			return fmt.Errorf("git asks for a path that could be read in two ways: %.80q", value)
		}
	case "username":
		if !isClean(value) {
			return fmt.Errorf("git asks for a user name with control characters: %.80q", value)
		}
		a.username = value
	case "password":
		a.password = value
	case "credential":
		a.credential = value
	case "capability[]":
		a.capabilities = addOrClear(a.capabilities, value)
	case "wwwauth[]":
		a.challenges = addOrClear(a.challenges, value)
	case "state[]":
		a.states = addOrClear(a.states, value)
	case "url":
		return a.setURL(value)
	}
	return nil
}

// setOnce stores an attribute that decides which host gets a token. It must not be empty,
// and must not occur with two values.
func setOnce(key string, field *string, value string) error {
	if value == "" || !isClean(value) || *field != "" && *field != value {
		return fmt.Errorf("git asks for the %s %.80q after %.80q", key, value, *field)
	}
	*field = value
	return nil
}

func addOrClear(list []string, value string) []string {
	if value == "" {
		return nil
	}
	return append(list, value)
}

// setURL stores the decoded parts of a URL. It clears the attributes before it, except the
// protocol and the host, which must then be those of the URL.
func (a *gitAttributes) setURL(value string) error {
	protocol, rest, _ := strings.Cut(value, "://")
	i := strings.IndexAny(rest, "/?#")
	if i < 0 {
		i = len(rest)
	}
	user, host, found := strings.Cut(rest[:i], "@")
	if !found {
		user, host = "", user
	}
	username, password, _ := strings.Cut(user, ":")
	*a = gitAttributes{protocol: a.protocol, host: a.host}
	for _, part := range []struct{ key, value string }{{"protocol", protocol}, {"host", host}, {"path", strings.TrimPrefix(rest[i:], "/")}, {"username", username}, {"password", password}} {
		decoded, err := url.PathUnescape(part.value)
		if err != nil {
			return errors.New("git asks for a URL with broken percent signs")
		}
		if err := a.set(part.key, decoded); err != nil {
			return err
		}
	}
	return nil
}

func (a *gitAttributes) request() (*GitRequest, error) {
	if a.protocol == "" || a.host == "" {
		return nil, errors.New("git asks for no protocol, or no host")
	}
	r := &GitRequest{
		Username:   a.username,
		authtype:   slices.Contains(a.capabilities, "authtype"),
		state:      slices.Contains(a.capabilities, "state"),
		bearer:     slices.ContainsFunc(a.challenges, offersBearer),
		password:   a.password,
		credential: a.credential,
	}
	r.Host, _ = ParseHost(a.protocol, a.host)
	for _, state := range a.states {
		if fingerprint, ours := strings.CutPrefix(state, gitState); ours {
			r.rejected = fingerprint
		}
	}
	return r, nil
}

// offersBearer reports whether a WWW-Authenticate header offers the scheme Bearer.
func offersBearer(challenge string) bool {
	words := strings.Fields(challenge)
	return len(words) > 0 && strings.EqualFold(words[0], "Bearer")
}
