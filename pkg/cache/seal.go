package cache

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// keySize is the size in bytes of an AES-256 key.
const keySize = 32

// magic begins every file of the version that this program writes and reads.
const magic = "flyte-credential-helper 1\n"

// Header is the unencrypted first part of a file. It describes the login, and is
// authenticated together with the encrypted rest.
type Header struct {
	Server  string // the server of the login
	Client  string // the client's id
	Account string // the user's label for it
	Grant   string // the class of grant; empty: GrantUser
	Item    string // the user name of its key in the OS keyring
	Key     string // the description of its key in the kernel's keyring
	Sum     string // the checksum of the rest of an unencrypted file: it detects damage, not attacks
	// SecretSum is two bytes of a hash of the client secret by which the token was
	// obtained: enough to notice another secret, and of no use to guess it. Empty: not
	// known.
	SecretSum string
}

// split splits a file into its header, the bytes of the header and the rest.
func split(file []byte) (h Header, head, rest []byte, err error) {
	after, found := bytes.CutPrefix(file, []byte(magic))
	text, rest, whole := cutText(after)
	if !found || !whole || !decodeFields(text, h.fields()) {
		return Header{}, nil, nil, errDamaged
	}
	at := len(file) - len(rest)
	return h, file[:at:at], rest, nil
}

// join is the inverse of split.
func join(h Header, seal func(head []byte) []byte) []byte {
	head := appendText([]byte(magic), string(encodeFields(h.fields())))
	return append(head[:len(head):len(head)], seal(head)...)
}

// seal encrypts text with AES-256-GCM under key. The header and the
// login's id are authenticated too: a file that was renamed or edited cannot be decrypted.
func seal(key []byte, id string, head, text []byte) []byte {
	return aead(key).Seal(nil, nil, text, additionalData(id, head))
}

// open is the inverse of seal. It returns the whole text, or errDamaged.
func open(key []byte, id string, head, sealed []byte) ([]byte, error) {
	text, err := aead(key).Open(nil, nil, sealed, additionalData(id, head))
	if err != nil {
		return nil, errDamaged
	}
	return text, nil
}

func additionalData(id string, head []byte) []byte {
	return slices.Concat([]byte(id), []byte("\n"), head)
}

func aead(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the key's size is checked where it is read
	}
	a, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has the block size that GCM wants
	}
	return a
}

// keyDescription names a key in the kernel's keyring by what it is, so that those of
// two state directories never meet, and one that is found is the right one.
func keyDescription(key []byte) string {
	sum := sha256.Sum256(key)
	return service + ":" + hex.EncodeToString(sum[:8])
}

// checksum is what a readable file's header says of its rest: a byte that has flipped
// in a token would be handed out with it.
func checksum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:8])
}

func newKey() []byte {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails
	return key
}
