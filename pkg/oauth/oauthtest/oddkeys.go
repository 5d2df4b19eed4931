package oauthtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"sync"
	"time"
)

func (o Oddity) changesKeys() bool {
	return len(o.KeyMembers) > 0 || o.BadX5C || o.BadX5T || o.ExtraKeys
}

func (o Oddity) changeKeys(keys []any) []any {
	keys = slices.Clone(keys)
	for i, key := range keys {
		members, ok := key.(map[string]any)
		if !ok {
			continue
		}
		members = maps.Clone(members) // an earlier oddity may have set it
		keys[i] = members
		if o.BadX5C {
			members["x5c"] = []string{base64.StdEncoding.EncodeToString(negativeSerial())}
		}
		if o.BadX5T {
			members["x5t"] = "dG9vLXNob3J0" // 9 bytes; a SHA-1 has 20
		}
		maps.Copy(members, o.KeyMembers)
	}
	if o.ExtraKeys {
		keys = append(extraKeys(), keys...)
	}
	return keys
}

// extraKeys are keys that no client of RS256 needs, and some that no client can
// use.
func extraKeys() []any {
	const size = 32
	octets := base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{7}, size))
	return []any{
		map[string]any{"kty": "oct", "kid": "oct", "k": octets, "alg": "HS256"},
		map[string]any{"kty": "OKP", "kid": "ed25519", "crv": "Ed25519", "x": octets, "use": "sig"},
		map[string]any{"kty": "OKP", "kid": "x25519", "crv": "X25519", "x": octets, "use": "enc"},
		map[string]any{"kty": "EC", "kid": "off-curve", "crv": "P-256", "x": octets, "y": octets},
		map[string]any{"kty": "EC", "kid": "secp256k1", "crv": "secp256k1", "x": octets, "y": octets},
		map[string]any{"kty": "AKP", "kid": "ml-dsa", "alg": "ML-DSA-44", "pub": octets},
		map[string]any{"kty": "RSA", "kid": "no-modulus", "e": "AQAB"},
		map[string]any{"kid": "no-type"},
	}
}

// negativeSerial is a certificate with the serial number -1, which some servers
// made in the past. crypto/x509 neither makes nor reads one, so the number is
// changed after the certificate is made.
var negativeSerial = sync.OnceValue(func() []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("oauthtest: %v", err)) // crypto/rand does not fail
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now(), NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(fmt.Sprintf("oauthtest: %v", err)) // the template is complete
	}
	// The version 3 and then the serial number, both as ASN.1 INTEGER.
	return bytes.Replace(der, []byte{2, 1, 2, 2, 1, 1}, []byte{2, 1, 2, 2, 1, 0xff}, 1)
})
