package authserver

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
)

// sealer hides what a code must carry and nobody else may read: the challenge.
type sealer struct{ cipher.AEAD }

func newSealer() (sealer, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return sealer{aead}, err
}

func (s sealer) seal(value string) string {
	return base64.RawURLEncoding.EncodeToString(s.Seal(nil, nil, []byte(value), nil))
}

func (s sealer) open(sealed string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return "", err
	}
	value, err := s.Open(nil, nil, raw, nil)
	return string(value), err
}
