package oauth

import (
	"time"
)

// Token is what an authorization server gave in one answer, with what is
// needed to renew it. Times are of the local clock.
type Token struct {
	AccessToken  Secret
	RefreshToken Secret // empty: none, a new one means a new login
	IDToken      Secret // empty: none

	Expiry     time.Time // when AccessToken ends; zero: not known
	Obtained   time.Time // when AccessToken was asked for
	Renewed    time.Time // when the server's answer was there
	IDExpiry   time.Time // when IDToken ends
	IDObtained time.Time // when IDToken was asked for

	// IDFault is why the last ID token that the server sent was not accepted. IDToken
	// may still be an earlier one.
	IDFault IDFault

	Scopes  []string // as granted; as asked for if the server did not say
	Subject string   // the ID token's sub; empty if there is none
	Account string   // to show: the ID token's email, preferred_username, name or sub

	// Server issued the token. A refresh token is sent to no other server
	// (RFC 9700 §4.4).
	Server Metadata
}

// IDFault is why an ID token was not accepted. The zero IDFault means that there was
// nothing wrong, or no ID token.
type IDFault struct {
	Reason string // one sentence without an end; empty: there is no fault
	Retry  bool   // a refresh may bring an ID token that is accepted
}

// Kind tells which of a token's parts is handed out.
type Kind string

// The kinds of credential.
const (
	Access Kind = "access" // the access token
	ID     Kind = "id"     // the ID token
	Auto   Kind = "auto"   // the ID token if the server sent one, even one that was not accepted; otherwise the access token
)

// Credential is the part of a [Token] that is handed out.
type Credential struct {
	Value    Secret
	Expiry   time.Time // zero: valid until a server rejects it
	Obtained time.Time
}

// Credential returns the part of t that kind names. Its Value is empty if
// the server gave none.
func (t *Token) Credential(kind Kind) Credential {
	if kind.of(t) == ID {
		return Credential{Value: t.IDToken, Expiry: t.IDExpiry, Obtained: t.IDObtained}
	}
	return Credential{Value: t.AccessToken, Expiry: t.Expiry, Obtained: t.Obtained}
}

// End makes the credential of kind end at a time, if it would have ended later.
func (t *Token) End(kind Kind, at time.Time) {
	expiry := &t.Expiry
	if kind.of(t) == ID {
		expiry = &t.IDExpiry
	}
	if expiry.IsZero() || at.Before(*expiry) {
		*expiry = at
	}
}

func (k Kind) of(t *Token) Kind {
	if k == ID || k == Auto && (t.IDToken != "" || t.IDFault.Reason != "" || t.AccessToken == "") {
		return ID
	}
	return Access
}

// Refreshable reports whether [Client.Refresh] may yield a new credential of
// kind. It does not for an ID token that the last refresh left as it was
// (OpenID Connect Core §12.2): then only a login does.
func (t *Token) Refreshable(kind Kind) bool {
	return t.RefreshToken != "" && (kind.of(t) == Access || t.IDFault.Retry || t.IDFault.Reason == "" && t.IDObtained.Equal(t.Obtained))
}

// Missing returns why t has no credential of kind: nil if it has one, which may have
// expired.
func (t *Token) Missing(kind Kind) error {
	switch {
	case t.Credential(kind).Value != "":
		return nil
	case kind.of(t) == Access:
		return invalid("%s gave no access token, only an ID token (--token-kind id)", t.Server.name())
	case t.IDFault.Reason != "":
		return t.Fault(kind)
	}
	return ConfigError("scope", "%s gave no ID token, which --token-kind id asks for", t.Server.name())
}

// Fault returns why the server's last ID token was not accepted, as an [Error], if kind
// names the ID token. Otherwise, or if it was accepted, it returns nil. The error is
// temporary if a refresh may bring an ID token that is accepted.
func (t *Token) Fault(kind Kind) error {
	switch {
	case kind.of(t) == Access || t.IDFault.Reason == "":
		return nil
	case t.IDFault.Retry:
		return Temporary("%s", t.IDFault.Reason)
	}
	return invalid("%s", t.IDFault.Reason)
}

// outlived is how long after its end, as it states it itself, a refresh token is
// given up: clocks differ.
const outlived = time.Minute

// OutlivedAt reports whether t's refresh token is a JWT that says itself that it has
// ended, as flyteadmin's are: to send it would be in vain.
func (t *Token) OutlivedAt(now time.Time) bool {
	exp, ok := jwtExpiry(t.RefreshToken)
	if issued, known := jwtTime(t.AccessToken, "iat"); known && !t.Obtained.IsZero() {
		exp = exp.Add(t.Obtained.Sub(issued)) // by our clock
	}
	return ok && now.After(exp.Add(outlived))
}

// ValidAt reports whether c is there and has not expired.
func (c Credential) ValidAt(now time.Time) bool {
	return c.Value != "" && (c.Expiry.IsZero() || now.Before(c.Expiry))
}

// jwtExpiry reads the exp claim of a token that happens to be a JWT (RFC 9068),
// unverified: it may only shorten what the server said.
func jwtExpiry(token Secret) (time.Time, bool) { return jwtTime(token, "exp") }

// jwtTime reads a claim that is a time, unverified.
func jwtTime(token Secret, claim string) (time.Time, bool) {
	claims, _ := unverifiedClaims(token) // nil for any other token
	at := numericDate(claims[claim])
	return at, !at.IsZero()
}

// accessExpiry is the earlier of what expires_in and the token itself say, the
// latter by a clock that is ahead of ours by offset.
func accessExpiry(token Secret, asked time.Time, lifetime, offset time.Duration) time.Time {
	var expiry time.Time
	if lifetime > 0 {
		expiry = asked.Add(lifetime)
	}
	exp, ok := jwtExpiry(token)
	if exp = exp.Add(-offset); ok && (expiry.IsZero() || exp.Before(expiry)) {
		expiry = exp
	}
	return expiry
}
