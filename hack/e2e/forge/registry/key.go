package registry

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"

	"github.com/go-jose/go-jose/v4"
)

// key signs what the token server gives out.
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

// public is what the registry must know of it.
func (k key) public() jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.private.Public(), KeyID: name, Algorithm: string(jose.ES256), Use: "sig"}}}
}
