package oauth

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// verifier checks the ID tokens of a client.
type verifier struct{ *Client }

func (c *Client) verifier() verifier { return verifier{c} }

// addIDToken verifies the ID token of reply, the answer to r, and puts it into t, or the
// reason why it was not accepted.
func (c verifier) addIDToken(ctx context.Context, t *Token, reply *reply, r *TokenRequest) {
	id, err := c.verifyIDToken(ctx, t, reply, r)
	switch {
	case err == nil:
		t.IDToken, t.IDExpiry, t.IDObtained, t.IDFault = reply.idToken, id.expiry, t.Obtained, IDFault{}
		t.Subject, t.Account = id.subject, id.account
	case errors.As(err, new(*oidc.TokenExpiredError)) && r.Refreshes():
		// It counts as absent: the old one, which is as good, stays.
	default:
		t.IDFault = IDFault{Reason: idProblem(t, reply, err), Retry: IsTemporary(err)}
	}
}

// idProblem says what is wrong with an ID token, in one sentence without an end.
func idProblem(t *Token, reply *reply, err error) string {
	if AsError(err) != nil { // the keys
		return err.Error()
	}
	return "the ID token of " + t.Server.name() + " is not valid: " + reply.clean(err.Error())
}

// verifiedID is what a valid ID token says.
type verifiedID struct {
	subject, account string
	expiry           time.Time // by our clock
}

// verifyIDToken checks the ID token of reply as OpenID Connect Core §3.1.3.7 says, for
// t's access token. A refresh has no nonce (§12.2). An [Error] is about the server's keys.
func (c verifier) verifyIDToken(ctx context.Context, t *Token, reply *reply, r *TokenRequest) (*verifiedID, error) {
	raw := reply.idToken.Reveal()
	if t.Server.KeysURI != "" {
		if err := c.verifySignature(ctx, raw, &t.Server, r.Keys); err != nil {
			return nil, err
		}
	}
	now := c.now().Add(reply.offset) // by the server's clock
	verifier := oidc.NewVerifier(t.Server.Issuer, nil, &oidc.Config{
		SupportedSigningAlgs:       algorithms(t.Server.IDTokenAlgorithms),
		SkipIssuerCheck:            t.Server.Issuer == "",
		SkipClientIDCheck:          true, // see checkAudience
		InsecureSkipSignatureCheck: true, // done above; without keys, see fetchKeys
		Now:                        func() time.Time { return now },
	})
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	claims, err := unverifiedClaims(reply.idToken)
	if err != nil {
		return nil, err
	}
	switch {
	case id.Subject == "":
		return nil, errors.New("it has no sub")
	case r.Nonce != "" && id.Nonce != r.Nonce:
		return nil, errNonce
	case id.IssuedAt.After(now.Add(mostOffset)):
		return nil, errors.New("it was issued in the future")
	case !accessHashMatches(reply.idToken, id.AccessTokenHash, t.AccessToken):
		return nil, errAccessHash
	}
	if err := c.checkAudience(id.Audience, text(claims["azp"]), t, r); err != nil {
		return nil, err
	}
	account := cmp.Or(text(claims["email"]), text(claims["preferred_username"]), text(claims["name"]), id.Subject)
	return &verifiedID{subject: id.Subject, account: reply.clean(account), expiry: id.Expiry.Add(-reply.offset)}, nil
}

var (
	errNonce      = errors.New("its nonce is not the one of this login")
	errAccessHash = errors.New("it belongs to another access token")
)

// checkAudience accepts an ID token for the client, whatever its azp (OpenID Connect
// Core errata 2 asks for none), and one for an audience that was asked for, if azp is the
// client: Google's Identity-Aware Proxy.
func (c verifier) checkAudience(aud []string, azp string, t *Token, r *TokenRequest) error {
	client := c.id(&t.Server)
	if slices.Contains(aud, client) {
		return nil
	}
	asked := append([]string{c.Audience, c.AuthParams["audience"]}, r.Form["audience"]...)
	for _, a := range asked {
		if a != "" && azp == client && slices.Contains(aud, a) {
			return nil
		}
	}
	return errors.New("it is for another client")
}

// checkUnverified looks at the claims of an ID token before anything is saved and before
// its signature is checked. It only refuses.
func (c verifier) checkUnverified(t *Token, reply *reply, r *TokenRequest, old *Token) error {
	claims, err := unverifiedClaims(reply.idToken)
	if err != nil {
		return nil // it will not be accepted
	}
	if r.Refreshes() {
		if sub := text(claims["sub"]); old != nil && old.Subject != "" && sub != "" && sub != old.Subject {
			return &Error{Class: ClassRefused, Saved: LoginDead, Problem: "the server answered a refresh with the token of another user (OpenID Connect Core §12.2)"}
		}
		return nil
	}
	iss, expected := text(claims["iss"]), t.Server.Issuer
	switch {
	case r.Nonce != "" && text(claims["nonce"]) != r.Nonce:
		err = errNonce
	case expected != "" && iss != expected && expected != "https://"+iss: // Google leaves out the scheme; see go-oidc
		err = fmt.Errorf("it was issued by %q", iss)
	case !accessHashMatches(reply.idToken, text(claims["at_hash"]), t.AccessToken):
		err = errAccessHash
	}
	if err != nil {
		return invalid("%s", idProblem(t, reply, err))
	}
	return nil
}

// unverifiedClaims reads the claims of a JWT without checking anything.
func unverifiedClaims(token Secret) (map[string]json.RawMessage, error) {
	return jwtPart(token, 1)
}

// jwtPart decodes a part of a signed JWT (RFC 7515 §7.1): 0 is the header, 1 the claims.
func jwtPart(token Secret, n int) (map[string]json.RawMessage, error) {
	parts := strings.Split(token.Reveal(), ".")
	if len(parts) != 3 {
		return nil, errors.New("not a signed JWT")
	}
	document, err := base64.RawURLEncoding.DecodeString(parts[n])
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	err = json.Unmarshal(document, &members)
	return members, err
}

// accessHashMatches checks at_hash (OpenID Connect Core §3.1.3.6): the left half of the
// hash that the ID token's algorithm uses. An absent one matches, as does one for an
// algorithm that is not accepted anyway.
func accessHashMatches(idToken Secret, want string, access Secret) bool {
	header, err := jwtPart(idToken, 0)
	if err != nil || want == "" || access == "" {
		return true
	}
	var sum hash.Hash
	switch alg := text(header["alg"]); {
	case strings.HasSuffix(alg, "256"):
		sum = sha256.New()
	case strings.HasSuffix(alg, "384"):
		sum = sha512.New384()
	case strings.HasSuffix(alg, "512"), alg == oidc.EdDSA:
		sum = sha512.New()
	default:
		return true
	}
	sum.Write([]byte(access.Reveal()))
	digest := sum.Sum(nil)
	return base64.RawURLEncoding.EncodeToString(digest[:len(digest)/2]) == want
}

// algorithms returns the public-key algorithms of those the server lists: a list must
// not talk us into "none", nor into an HMAC whose key is a public one.
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
