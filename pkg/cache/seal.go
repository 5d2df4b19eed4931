package cache

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// keySize is that of AES-256.
const keySize = 32

// format is the version of the files that this program writes and reads.
const format = 1

// Header is the first line of a file: what may be known of a login without
// opening it. It is authenticated with the rest.
type Header struct {
	Format  int    `json:"format"`
	Server  string `json:"server"`            // where it logs in
	Client  string `json:"client"`            // the client's id
	Account string `json:"account,omitempty"` // the person's label for it
	Item    string `json:"item,omitempty"`    // the user name of its key in the OS keyring
	Key     string `json:"key,omitempty"`     // the description of its key in the kernel's keyring
	Sum     string `json:"sum,omitempty"`     // of a readable file's rest: against damage, not against anybody
}

// split takes a file apart into its header, the header's bytes and the rest.
func split(file []byte) (h Header, line, rest []byte, err error) {
	line, rest, found := bytes.Cut(file, []byte("\n"))
	if !found || json.Unmarshal(line, &h) != nil || h.Format != format {
		return Header{}, nil, nil, errDamaged
	}
	return h, line, rest, nil
}

// join is the inverse of split.
func join(h Header, seal func(line []byte) []byte) []byte {
	line, err := json.Marshal(h)
	if err != nil {
		panic(err) // strings and a number
	}
	return append(append(line[:len(line):len(line)], '\n'), seal(line)...)
}

// seal encrypts text with AES-256-GCM under key. The header's line and the
// login's id are authenticated too: a file that is renamed or edited stays shut.
func seal(key []byte, id string, line, text []byte) []byte {
	return aead(key).Seal(nil, nil, text, additional(id, line))
}

// open is the inverse of seal. It returns all of the text or errDamaged.
func open(key []byte, id string, line, sealed []byte) ([]byte, error) {
	text, err := aead(key).Open(nil, nil, sealed, additional(id, line))
	if err != nil {
		return nil, errDamaged
	}
	return text, nil
}

func additional(id string, line []byte) []byte {
	return fmt.Appendf(nil, "%s\n%s", id, line)
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

// describe names a key in the kernel's keyring by what it is, so that those of
// two state directories never meet, and one that is found is the right one.
func describe(key []byte) string {
	sum := sha256.Sum256(key)
	return service + ":" + hex.EncodeToString(sum[:8])
}

// sum is what a readable file's header says of its rest: a byte that has flipped
// in a token would be handed out with it.
func sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:8])
}

func newKey() []byte {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails
	return key
}
