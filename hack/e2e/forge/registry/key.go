package registry

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"

	"github.com/go-jose/go-jose/v4"
)

// key signs the tokens of the token server.
type key struct {
	private *ecdsa.PrivateKey
	signer  jose.Signer
}

func newKey() (k key, err error) {
	if k.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return key{}, err
	}
	k.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: k.private, KeyID: name}}, nil)
	return k, err
}

// public returns the public key for the registry.
func (k key) public() jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.private.Public(), KeyID: name, Algorithm: string(jose.ES256), Use: "sig"}}}
}
