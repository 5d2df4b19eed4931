package oauth

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// idLeeway is how far the server's clock may be behind ours.
const idLeeway = time.Minute

// keys fetches the server's signing keys (RFC 7517), before anything is spent:
// a token that was paid for must not be lost to a key server that is down.
// Where the server names none, the TLS connection to the token endpoint stands
// for the signature (OpenID Connect Core §3.1.3.7, item 6) and keys is nil.
func (c *Client) keys(ctx context.Context, m *Metadata) (json.RawMessage, error) {
	if m.KeysURI == "" {
		return nil, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.KeysURI, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, body, err := c.fetch(req, metadataTimeout, sameHost)
	if err != nil {
		return nil, err
	}
	if _, err := publicKeys(body); resp.StatusCode != http.StatusOK || err != nil {
		return nil, temporary("%s answered %s without the keys that sign its ID tokens", req.URL.Host, status(resp))
	}
	return body, nil
}

// publicKeys reads a key set (RFC 7517). Keys of kinds that sign nothing for us
// are passed over.
func publicKeys(document json.RawMessage) ([]crypto.PublicKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(document, &set); err != nil {
		return nil, err
	}
	var found []crypto.PublicKey
	for _, raw := range set.Keys {
		var k jose.JSONWebKey
		if k.UnmarshalJSON(raw) != nil {
			continue
		}
		switch k.Key.(type) {
		case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
			found = append(found, k.Key)
		}
	}
	return found, nil
}

// idClaims are the claims that are looked at beside go-oidc's.
type idClaims struct {
	AuthorizedParty string `json:"azp"`
	Email           string `json:"email"`
	Username        string `json:"preferred_username"`
}

// verify checks the ID token of r, the answer to s, as OpenID Connect Core
// §3.1.3.7 says, for t's access token, and on success puts it into t. A refresh
// has no nonce (§12.2).
func (c *Client) verify(ctx context.Context, t *Token, r *reply, s *Spending) error {
	if err := c.verifyID(ctx, t, r, s); err != nil {
		return fmt.Errorf("the ID token of %s is not valid: %s", cmp.Or(t.Server.Issuer, t.Server.TokenEndpoint), Printable(err.Error()))
	}
	return nil
}

func (c *Client) verifyID(ctx context.Context, t *Token, r *reply, s *Spending) error {
	now := c.now().Add(r.offset) // by the server's clock
	var public []crypto.PublicKey
	if len(s.Keys) > 0 {
		var err error
		if public, err = publicKeys(s.Keys); err != nil {
			return err
		}
	}
	verifier := oidc.NewVerifier(t.Server.Issuer, &oidc.StaticKeySet{PublicKeys: public}, &oidc.Config{
		ClientID:                   c.id(&t.Server),
		SupportedSigningAlgs:       algorithms(t.Server.IDTokenAlgorithms),
		SkipIssuerCheck:            t.Server.Issuer == "",
		InsecureSkipSignatureCheck: t.Server.KeysURI == "", // see keys
		Now:                        func() time.Time { return now.Add(-idLeeway) },
	})
	id, err := verifier.Verify(ctx, r.idToken.Reveal())
	if err != nil {
		return err
	}
	var claims idClaims
	if err := id.Claims(&claims); err != nil {
		return err
	}
	switch {
	case id.Subject == "":
		return errors.New("it names nobody")
	case s.Nonce != "" && id.Nonce != s.Nonce:
		return errors.New("its nonce is not the one of this login")
	case len(id.Audience) > 1 && claims.AuthorizedParty == "", claims.AuthorizedParty != "" && claims.AuthorizedParty != c.id(&t.Server):
		return errors.New("it is for another client")
	case id.IssuedAt.After(now.Add(mostOffset)):
		return errors.New("it was issued in the future")
	case id.AccessTokenHash != "" && id.VerifyAccessToken(t.AccessToken.Reveal()) != nil:
		return errors.New("it belongs to another access token")
	}
	t.IDToken, t.IDExpiry, t.IDObtained = r.idToken, id.Expiry.Add(-r.offset), t.Obtained
	t.Subject = id.Subject
	t.Account = Printable(cmp.Or(claims.Email, claims.Username, id.Subject))
	return nil
}

// algorithms returns the public-key ones of those the server lists: a list
// must not talk us into "none", nor into an HMAC whose key is a public one.
func algorithms(listed []string) []string {
	known := []string{
		oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512,
		oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
	}
	if len(listed) == 0 {
		return known
	}
	return slices.DeleteFunc(known, func(a string) bool { return !slices.Contains(listed, a) })
}
