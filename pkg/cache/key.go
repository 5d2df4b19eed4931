// Package cache keeps tokens between runs of a program, and sees to it that of
// many processes that need a new one, one asks the server.
//
// [Source.Token] is the whole of it: read, lock, read again, renew, save.
package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Key is all by which an authorization server tells one login from another.
// Two programs with the same Key share a login.
type Key struct {
	Server        []string // the issuer, or the explicit endpoints
	Client        string   // the client's id
	Grant         string   // the class of grant: "person"
	Scopes        []string // as configured
	Audience      string
	Resource      []string          // RFC 8707
	AuthParams    map[string]string // extra parameters of each request
	TokenParams   map[string]string
	RefreshParams map[string]string
	Account       string // the person's label for it
}

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

// document is k as JSON. To have encoding/json look at the struct, in each process
// anew, costs a warm answer more than to decrypt the token.
func (k Key) document() []byte {
	b := []byte{'{'}
	for _, field := range []struct {
		name  string
		value any
	}{
		{"Server", k.Server}, {"Client", k.Client}, {"Grant", k.Grant}, {"Scopes", k.Scopes}, {"Audience", k.Audience}, {"Resource", k.Resource},
		{"AuthParams", k.AuthParams}, {"TokenParams", k.TokenParams}, {"RefreshParams", k.RefreshParams}, {"Account", k.Account},
	} {
		value, err := json.Marshal(field.value) // its maps come out sorted
		if err != nil {
			panic(err) // strings, and slices and maps of them
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(strconv.AppendQuote(b, field.name), ':')
		b = append(b, value...)
	}
	return append(b, '}')
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
