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
	"math"
	"slices"
	"strconv"
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
	case errors.Is(err, errExpired) && r.Refreshes():
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
	claims, err := c.checkHeader(t, reply.idToken)
	if err != nil {
		return nil, err
	}
	if t.Server.KeysURI != "" { // otherwise see fetchKeys
		if err := c.verifySignature(ctx, reply.idToken.Reveal(), &t.Server, r.Keys); err != nil {
			return nil, err
		}
	}
	now := c.now().Add(reply.offset) // by the server's clock
	subject, expiry := textOrNumber(claims["sub"]), numericDate(claims["exp"])
	switch {
	case subject == "":
		return nil, errors.New("it has no sub")
	case !issuedBy(claims, t.Server.Issuer):
		return nil, fmt.Errorf("it was issued by %q", text(claims["iss"]))
	case wrongNonce(claims, r) != nil:
		return nil, wrongNonce(claims, r)
	case expiry.IsZero():
		return nil, errors.New("it has no exp")
	case expiry.Before(now):
		return nil, errExpired
	case numericDate(claims["nbf"]).After(now.Add(notBeforeLeeway)):
		return nil, errors.New("it is not valid yet")
	case numericDate(claims["iat"]).After(now.Add(mostOffset)):
		return nil, errors.New("it was issued in the future")
	case !accessHashMatches(reply.idToken, text(claims["at_hash"]), t.AccessToken):
		return nil, errAccessHash
	}
	if err := c.checkAudience(audiences(claims["aud"]), text(claims["azp"]), t, r); err != nil {
		return nil, err
	}
	account := cmp.Or(text(claims["email"]), text(claims["preferred_username"]), text(claims["name"]), subject)
	return &verifiedID{subject: subject, account: reply.clean(account), expiry: expiry.Add(-reply.offset)}, nil
}

var (
	errNoJWT      = errors.New("it is not a signed JWT")
	errEncrypted  = errors.New("it is encrypted (JWE), which is not supported")
	errNonce      = errors.New("its nonce is not the one of this login")
	errNoNonce    = errors.New("it has no nonce (OpenID Connect Core §3.1.2.1); without the scope openid no ID token is requested")
	errAccessHash = errors.New("it belongs to another access token")
	errExpired    = errors.New("it has expired")
)

// wrongNonce returns an error if the nonce of an ID token is not that of r, or nil.
func wrongNonce(claims map[string]json.RawMessage, r *TokenRequest) error {
	switch nonce := text(claims["nonce"]); {
	case r.Nonce == "" || nonce == r.Nonce:
		return nil
	case nonce == "":
		return errNoNonce
	}
	return errNonce
}

// notBeforeLeeway is how far the server's clocks may differ from each other.
const notBeforeLeeway = 5 * time.Minute

// checkHeader returns the claims of a JWT whose algorithm is one that the server lists and
// that uses a public key. It does not check the signature.
func (c verifier) checkHeader(t *Token, token Secret) (map[string]json.RawMessage, error) {
	header, err := jwtPart(token, 0)
	if strings.Count(token.Reveal(), ".") == 4 { // RFC 7516 §7.1
		return nil, errEncrypted
	}
	if err != nil || !token.isPrintable() {
		return nil, errNoJWT
	}
	if !slices.Contains(algorithms(t.Server.IDTokenAlgorithms), text(header["alg"])) {
		return nil, fmt.Errorf("its algorithm %q is not accepted", text(header["alg"]))
	}
	claims, err := unverifiedClaims(token)
	if err != nil {
		return nil, errNoJWT
	}
	return claims, nil
}

// issuedBy reports whether iss is the issuer, if one is known. Google may leave out the
// scheme.
func issuedBy(claims map[string]json.RawMessage, issuer string) bool {
	iss := text(claims["iss"])
	return issuer == "" || iss == issuer || issuer == "https://accounts.google.com" && "https://"+iss == issuer
}

// audiences reads aud, which is a string or a list of strings (RFC 7519 §4.1.3). An element of
// another type names no client.
func audiences(raw json.RawMessage) (list []string) {
	var elements []json.RawMessage
	if json.Unmarshal(raw, &elements) != nil {
		return []string{text(raw)}
	}
	for _, element := range elements {
		list = append(list, text(element))
	}
	return list
}

// numericDate reads a time in seconds since 1970 (RFC 7519 §2), which some servers send as a
// string. Anything else, and a time that no clock will show, counts as absent.
func numericDate(raw json.RawMessage) time.Time {
	at, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	if err != nil || !(at > 0) || at > math.MaxInt32*8 {
		return time.Time{}
	}
	return time.Unix(int64(at), 0)
}

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
		if sub, there := claims["sub"]; old != nil && old.Subject != "" && there && textOrNumber(sub) != old.Subject && string(sub) != "null" {
			return &Error{Class: ClassRefused, Saved: LoginDead, Problem: "the server answered a refresh with the token of another user (OpenID Connect Core §12.2)"}
		}
		return nil
	}
	switch {
	case wrongNonce(claims, r) != nil:
		err = wrongNonce(claims, r)
	case !issuedBy(claims, t.Server.Issuer):
		err = fmt.Errorf("it was issued by %q", text(claims["iss"]))
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
// hash that the ID token's algorithm uses, with or without padding. An absent one matches, as
// does one for an algorithm that is not accepted anyway.
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
	return base64.RawURLEncoding.EncodeToString(digest[:len(digest)/2]) == strings.TrimRight(want, "=")
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
