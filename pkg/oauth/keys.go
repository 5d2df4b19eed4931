package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// keysFor fetches the server's keys before anything is spent if an ID token is requested:
// one that was paid for must not be lost to a key server that is down. If that fails, it
// fails the request only for callers that want the ID token; the others are served, and
// the keys are fetched again when there is an ID token to verify.
func (c verifier) keysFor(ctx context.Context, m *Metadata, scopes []string, want Kind) (json.RawMessage, error) {
	if m.KeysURI == "" || !slices.Contains(scopes, "openid") {
		return nil, nil
	}
	limited, cancel := withTimeout(ctx, keysTimeout)
	defer cancel()
	document, err := c.fetchKeys(limited, m)
	if err != nil && want == Access && ctx.Err() == nil {
		return nil, nil
	}
	return document, err
}

// fetchKeys fetches the server's signing keys (RFC 7517). If the server names none, the
// TLS connection to the token endpoint stands for the signature (OpenID Connect Core
// §3.1.3.7, item 6).
func (c verifier) fetchKeys(ctx context.Context, m *Metadata) (json.RawMessage, error) {
	if err := m.checkEndpoint("issuer", m.KeysURI); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.KeysURI, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, body, err := c.wire().fetch(req, sameHost)
	if err != nil {
		return nil, err
	}
	a, err := newAnswer(resp, body, nil, c.now())
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK || a.fields["keys"] == nil {
		return nil, a.temporary("without the keys that sign its ID tokens")
	}
	return json.Marshal(map[string]json.RawMessage{"keys": a.fields["keys"]}) // without a byte order mark
}

// Keys are the keys with which a server signs its ID tokens.
type Keys struct {
	server   *Metadata
	document json.RawMessage
}

// Keys fetches the keys of the server that m describes.
func (c *Client) Keys(ctx context.Context, m *Metadata) (Keys, error) {
	ctx, cancel := withTimeout(ctx, keysTimeout)
	defer cancel()
	document, err := c.verifier().fetchKeys(ctx, m)
	return Keys{m, document}, err
}

// Len returns the number of keys that can verify a signature.
func (k Keys) Len() int { return len(publicKeys(k.document)) }

// Signed returns nil if one of the keys has signed the token, a JWT.
func (k Keys) Signed(token Secret) error {
	signed, err := parseSigned(token.Reveal(), k.server)
	if err != nil {
		return err
	}
	return signedByOne(signed, k.document)
}

// parseSigned parses a JWT that is signed in one of the ways that the server offers.
func parseSigned(token string, m *Metadata) (*jose.JSONWebSignature, error) {
	var algs []jose.SignatureAlgorithm
	for _, a := range algorithms(m.IDTokenAlgorithms) {
		algs = append(algs, jose.SignatureAlgorithm(a))
	}
	signed, err := jose.ParseSignedCompact(token, algs)
	if err != nil {
		return nil, errNoJWT
	}
	return signed, nil
}

// verifySignature checks the signature of a JWT with the server's keys: those that were
// fetched before, and, if none of them made it, those that the server has now.
func (c verifier) verifySignature(ctx context.Context, token string, m *Metadata, document json.RawMessage) error {
	signed, err := parseSigned(token, m)
	if err != nil {
		return err
	}
	if document != nil && signedByOne(signed, document) == nil {
		return nil
	}
	ctx, cancel := withTimeout(ctx, lateKeysTimeout)
	defer cancel()
	fresh, err := c.fetchKeys(ctx, m)
	if err != nil {
		return err
	}
	if len(publicKeys(fresh)) == 0 {
		return invalid("%s publishes no key that can verify an ID token", m.name())
	}
	return signedByOne(signed, fresh)
}

// signedByOne checks the signature with each usable key of a JWKS.
func signedByOne(signed *jose.JSONWebSignature, document json.RawMessage) error {
	for _, key := range publicKeys(document) {
		if _, err := signed.Verify(key.Key); err == nil {
			return nil
		}
	}
	return errors.New("none of the server's keys has signed it")
}

// publicKeys reads a JWKS. Of each key only the members that matter are read: others,
// such as x5c, may be unusable without making the key so. Numbers may be in Base64 of any
// alphabet, padded or not (RFC 7518 §2 has one). Keys of kinds that sign nothing for us are
// skipped.
func publicKeys(document json.RawMessage) (found []jose.JSONWebKey) {
	set, err := decodeObject(document)
	if err != nil {
		return nil
	}
	var list []json.RawMessage
	_ = json.Unmarshal(set["keys"], &list) // anything else counts as empty
	for _, raw := range list {
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil || text(members["use"]) == "enc" {
			continue
		}
		kept := map[string]string{}
		for _, name := range []string{"kty", "n", "e", "crv", "x", "y", "kid", "alg"} {
			value := text(members[name])
			if slices.Contains([]string{"n", "e", "x", "y"}, name) {
				value = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(value, "="))
			}
			if value != "" {
				kept[name] = value
			}
		}
		document, _ := json.Marshal(kept) // strings always marshal
		var key jose.JSONWebKey
		if key.UnmarshalJSON(document) == nil && key.Valid() && key.IsPublic() {
			found = append(found, key)
		}
	}
	return found
}
