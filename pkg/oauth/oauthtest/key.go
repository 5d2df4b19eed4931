package oauthtest

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// signingKey signs tokens: RS256, the only algorithm a Kubernetes API server
// accepts by default.
type signingKey struct {
	id  string
	rsa *rsa.PrivateKey
}

// firstKey is shared by the servers of a process, because generating a key takes
// most of the time in which a server starts.
var firstKey = sync.OnceValue(newRSA)

func newRSA() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(fmt.Sprintf("oauthtest: %v", err)) // crypto/rand does not fail
	}
	return key
}

func newKey(key *rsa.PrivateKey) signingKey { return signingKey{rand.Text(), key} }

// ID implements [op.SigningKey] and [op.Key], as do the methods below.
func (k signingKey) ID() string                                  { return k.id }
func (k signingKey) Key() any                                    { return k.rsa }
func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }

// publicKey is the public key of a signingKey.
type publicKey struct{ signingKey }

func (k publicKey) Key() any                           { return k.rsa.Public() }
func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k publicKey) Use() string                        { return "sig" }
