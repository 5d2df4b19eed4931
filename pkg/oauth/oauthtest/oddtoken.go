package oauthtest

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"
)

func (o Oddity) changesIDToken() bool {
	return len(o.Claims) > 0 || len(o.DropClaims) > 0 || o.ExpiredFor != 0 || o.Sign != ""
}

// changeIDToken changes the claims of an ID token of the provider and signs it
// again.
func (o Oddity) changeIDToken(s *Server, token string) string {
	header, claims := parseJWT(token)
	if o.ExpiredFor != 0 {
		expiry := time.Now().Add(-o.ExpiredFor)
		claims["exp"], claims["iat"] = expiry.Unix(), expiry.Add(-s.store.settings().IDLifetime).Unix()
	}
	for _, name := range o.DropClaims {
		delete(claims, name)
	}
	maps.Copy(claims, o.Claims)
	switch o.Sign {
	case SignHS256:
		return signJWT(map[string]any{"alg": "HS256", "typ": "JWT"}, claims, signHS256)
	case SignNone:
		return signJWT(map[string]any{"alg": "none"}, claims, func([]byte) []byte { return nil })
	case SignUnknownKey:
		header["kid"] = "unknown-" + rand.Text()
		return signJWT(header, claims, signRS256(unpublishedKey()))
	case SignWrongKey:
		return signJWT(header, claims, signRS256(unpublishedKey()))
	}
	return s.resign(header, claims)
}

// resign signs claims with the server's key.
func (s *Server) resign(header, claims map[string]any) string {
	key := s.store.signingKey()
	header["kid"] = key.id
	return signJWT(header, claims, signRS256(key.rsa))
}

// unpublishedKey is a key that no server publishes. A process makes it once,
// because that takes long.
var unpublishedKey = sync.OnceValue(newRSA)

func signRS256(key *rsa.PrivateKey) func([]byte) []byte {
	return func(input []byte) []byte {
		hash := sha256.Sum256(input)
		signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, hash[:])
		if err != nil {
			panic(fmt.Sprintf("oauthtest: %v", err)) // the key is large enough
		}
		return signature
	}
}

func signHS256(input []byte) []byte {
	mac := hmac.New(sha256.New, []byte(Secret))
	mac.Write(input)
	return mac.Sum(nil)
}

// parseJWT returns the header and claims of a token that the provider made.
func parseJWT(token string) (header, claims map[string]any) {
	parts := strings.Split(token, ".")
	for i, part := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err == nil {
			err = json.Unmarshal(text, part)
		}
		if err != nil {
			panic(fmt.Sprintf("oauthtest: the provider's token: %v", err))
		}
	}
	return header, claims
}

func signJWT(header, claims map[string]any, sign func([]byte) []byte) string {
	input := base64.RawURLEncoding.EncodeToString([]byte(plain(header))) + "." +
		base64.RawURLEncoding.EncodeToString([]byte(plain(claims)))
	return input + "." + base64.RawURLEncoding.EncodeToString(sign([]byte(input)))
}
