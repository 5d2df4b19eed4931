// Package cache keeps tokens between runs of a program, and sees to it that of
// many processes that need a new one, one asks the server.
//
// [Source.Token] is the whole of it: read, lock, read again, renew, save.
package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Key is all by which an authorization server tells one login from another.
// Two programs with the same Key share a login.
type Key struct {
	Server        []string // the issuer, or the explicit endpoints, or the Flyte endpoint
	Client        string   // the client's id
	Grant         string   // the class of grant: Person or Machine
	Scopes        []string // as configured
	Audience      string
	Resource      []string          // RFC 8707
	AuthParams    map[string]string // extra parameters of each request
	TokenParams   map[string]string
	RefreshParams map[string]string
	Account       string // the person's label for it
}

// The classes of grant.
const (
	Person  = "person"  // somebody logs in
	Machine = "machine" // a client by its secret
)

// ID names the login in the file system: the SHA-256, in hexadecimal, of k as
// JSON with everything sorted that has no order of its own.
func (k Key) ID() string {
	k.Scopes = sorted(k.Scopes)
	k.Resource = sorted(k.Resource)
	for _, params := range []*map[string]string{&k.AuthParams, &k.TokenParams, &k.RefreshParams} {
		if len(*params) == 0 {
			*params = nil // as nil as one that was never set
		}
	}
	sum := sha256.Sum256(k.document())
	return hex.EncodeToString(sum[:])
}

// document is k as JSON. encoding/json would look at the type first, in each
// process anew.
func (k Key) document() []byte {
	b := append(make([]byte, 0, 512), '{')
	for _, field := range []struct {
		name  string
		value any // a string, a []string or a map[string]string
	}{
		{"Server", k.Server}, {"Client", k.Client}, {"Grant", k.Grant}, {"Scopes", k.Scopes}, {"Audience", k.Audience}, {"Resource", k.Resource},
		{"AuthParams", k.AuthParams}, {"TokenParams", k.TokenParams}, {"RefreshParams", k.RefreshParams}, {"Account", k.Account},
	} {
		b = appendString(comma(b), field.name)
		b = appendJSON(append(b, ':'), field.value)
	}
	return append(b, '}')
}

func appendJSON(b []byte, value any) []byte {
	switch v := value.(type) {
	case string:
		return appendString(b, v)
	case []string:
		if v == nil {
			break
		}
		b = append(b, '[')
		for _, s := range v {
			b = appendString(comma(b), s)
		}
		return append(b, ']')
	case map[string]string:
		if v == nil {
			break
		}
		b = append(b, '{')
		for _, name := range slices.Sorted(maps.Keys(v)) {
			b = append(appendString(comma(b), name), ':')
			b = appendString(b, v[name])
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

// comma separates from what stands before.
func comma(b []byte) []byte {
	if last := b[len(b)-1]; last == '{' || last == '[' {
		return b
	}
	return append(b, ',')
}

// appendString leaves to encoding/json what JSON does not write as it is.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || strings.IndexByte(`"\<>&`, c) >= 0 {
			text, err := json.Marshal(s)
			if err != nil {
				panic(err) // a string
			}
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

func sorted(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// item is the user name of the login's key in the OS keyring: where it logs in,
// as whom, and enough of the ID to tell it apart. Keyrings have met a newline
// that began a second command; these characters mean nothing to any of them.
func (k Key) item(id string) string {
	name := k.Server[0]
	if k.Account != "" {
		name += "/" + k.Account
	}
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._:/@-", r) {
			return r
		}
		return '-'
	}, name)
	if len(name) > 200 {
		name = name[:200]
	}
	return name + "/" + id[:8]
}
