package oauthtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"sync"
	"time"
)

// Oddity describes how a server's answers differ from those of a strict server.
// It changes the provider's real answer; what it does not name stays as it is.
// All fields combine, and they combine with a [Fault]: the fault is applied
// first, so an oddity changes the fault's body too.
//
// The members of an answer are those of its JSON object. For a redirect to the
// client they are the query parameters of the redirect. Bodies that are neither
// only take Echo and the fields of the last group.
type Oddity struct {
	// Conditions. The oddity applies if all of them hold.

	Times        int               // the number of requests; 0: all until [Server.Heal]
	When         map[string]string // parameters of the request: name to a pattern of [path.Match]
	FirstRefresh bool              // only the first refresh after each login

	// Before the provider is asked.

	// RotateKeys replaces the signing key when the request arrives. With kind
	// authorization_code this is a rotation between the start of a login and its
	// end.
	RotateKeys bool
	// Refuse answers with this value as the error member, and the provider is
	// not asked: nothing is spent. A string is the code of RFC 6749 §5.2:
	// invalid_request (Dex), interaction_required (Microsoft Entra ID),
	// bad_refresh_token (GitHub), unauthorized_client (Gitea). Some gateways
	// send an object with code and message, or a number. Set adds
	// error_description.
	Refuse any
	// ErrorStatus is the status of answers that have an error member, refusals
	// of the provider included: 200 (GitHub), 428 for authorization_pending
	// (Google), 500 (flyteadmin).
	ErrorStatus int

	// Members of the answer, in this order.

	Rename map[string]string // old name to new name, such as verification_uri to verification_url (Google)
	Drop   []string          // such as access_token (Azure AD B2C), or iss in a redirect (an option of Keycloak)
	Set    map[string]any    // such as scopes_supported as a string, expires_in as a string (older Azure AD), or interval 0.1

	// The ID token of a token answer. It is signed again if one of these is set.

	DropClaims []string       // such as azp (Oracle IDCS, beside an aud list), iat or exp
	Claims     map[string]any // such as email as a list, or aud (Google's Identity-Aware Proxy: the audience that was asked for)
	ExpiredFor time.Duration  // exp is so long ago, and iat one ID token lifetime earlier
	Sign       Signature      // with the server's key if empty

	// The keys of a JWKS answer.

	KeyMembers map[string]any // members of each key that the provider publishes; with kty, a key that no client can use
	BadX5C     bool           // each key has a certificate with a negative serial number, which crypto/x509 refuses
	BadX5T     bool           // each key has a thumbprint of the wrong length
	ExtraKeys  bool           // other keys come first: EC, OKP, oct, an unknown kty, an RSA key without a modulus

	// The body, in this order.

	Echo          bool   // the request (query, header, form) is repeated in error_description, error_uri or the text
	Form          bool   // form-encoded instead of JSON (GitHub)
	Trailing      string // text after the body
	BOM           bool   // a byte order mark before the body
	ContentType   string // such as text/plain (kanidm)
	NoContentType bool   // the header is absent
}

// Signature is the way in which an ID token is signed.
type Signature string

// The signatures that an [Oddity] can give to an ID token.
const (
	SignHS256      Signature = "HS256"       // with [Secret] (an option of Auth0's applications)
	SignNone       Signature = "none"        // no signature
	SignUnknownKey Signature = "unknown-key" // an RSA key that is not published, with its own key ID
	SignWrongKey   Signature = "wrong-key"   // an RSA key that is not published, with the key ID of the server's key
)

// AllKinds is the kind of every request, for [Server.Odd].
const AllKinds = "all"

// oddities are the active oddities, by kind of request.
type oddities struct {
	mu     sync.Mutex
	active map[string][]*Oddity
}

// Odd adds an oddity to the answers of a kind of requests: one of those of
// [Server.Count] except reuse, or [AllKinds]. Several oddities of a request
// apply in the order of the calls, those of AllKinds first and those of a grant
// last. [Server.Heal] removes them. Odd panics if the oddity cannot have an
// effect on answers of the kind.
func (s *Server) Odd(kind string, o Oddity) {
	if err := s.odd(kind, o); err != nil {
		panic(err)
	}
}

func (s *Server) odd(kind string, o Oddity) error {
	if err := o.check(kind); err != nil {
		return err
	}
	s.oddities.mu.Lock()
	defer s.oddities.mu.Unlock()
	if s.oddities.active == nil {
		s.oddities.active = map[string][]*Oddity{}
	}
	s.oddities.active[kind] = append(s.oddities.active[kind], &o)
	return nil
}

var tokenKinds = []string{"token", "authorization_code", "refresh_token", "client_credentials", "device_code"}

func (o Oddity) check(kind string) error {
	known := append([]string{AllKinds, "discovery", "keys", "authorize", "sign-in", "revoke", "userinfo", "device"}, tokenKinds...)
	switch {
	case !slices.Contains(known, kind):
		return fmt.Errorf("oauthtest: there are no requests of kind %q", kind)
	case o.changesIDToken() && !slices.Contains(tokenKinds, kind):
		return fmt.Errorf("oauthtest: answers of kind %s have no ID token", kind)
	case o.changesKeys() && kind != "keys":
		return fmt.Errorf("oauthtest: answers of kind %s have no keys", kind)
	case o.FirstRefresh && kind != "refresh_token":
		return fmt.Errorf("oauthtest: requests of kind %s are no refreshes", kind)
	case o.Sign != "" && !slices.Contains([]Signature{SignHS256, SignNone, SignUnknownKey, SignWrongKey}, o.Sign):
		return fmt.Errorf("oauthtest: there is no signature %q", o.Sign)
	}
	for _, pattern := range o.When {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("oauthtest: %q: %w", pattern, err)
		}
	}
	return nil
}

// next returns the oddities of a request, in the order in which they apply.
func (os *oddities) next(kinds []string, r *http.Request, firstRefresh bool) []Oddity {
	os.mu.Lock()
	defer os.mu.Unlock()
	var found []Oddity
	for _, kind := range append([]string{AllKinds}, reversed(kinds)...) {
		if len(os.active[kind]) == 0 {
			continue
		}
		os.active[kind] = slices.DeleteFunc(os.active[kind], func(o *Oddity) bool {
			if !o.appliesTo(r, firstRefresh) {
				return false
			}
			found = append(found, *o)
			o.Times--
			return o.Times == 0
		})
	}
	return found
}

func reversed(kinds []string) []string {
	kinds = slices.Clone(kinds)
	slices.Reverse(kinds)
	return kinds
}

func (o Oddity) appliesTo(r *http.Request, firstRefresh bool) bool {
	for name, pattern := range o.When {
		if match, err := path.Match(pattern, r.Form.Get(name)); !match || err != nil {
			return false
		}
	}
	return firstRefresh || !o.FirstRefresh
}

// prepare does what the oddities of a request do before the provider is asked.
// It returns the refusal that replaces the provider's answer, or nil.
func (s *Server) prepare(odd []Oddity) *httptest.ResponseRecorder {
	var refusal *httptest.ResponseRecorder
	for _, o := range odd {
		if o.RotateKeys {
			s.RotateKeys()
		}
		if o.Refuse != nil {
			refusal = httptest.NewRecorder()
			refusal.Code = http.StatusBadRequest
			refusal.Header().Set("Content-Type", "application/json")
			writeJSON(refusal, map[string]any{"error": o.Refuse})
		}
	}
	return refusal
}
