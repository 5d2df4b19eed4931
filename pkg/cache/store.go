package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// The kinds of store.
const (
	InKeyring = "keyring" // sealed in a file, the key to it in the OS keyring
	InFile    = "file"    // readable in a file, for its owner only
	Nowhere   = "none"    // not kept
)

// suffix is that of the file in a kind of store.
func suffix(kind string) string {
	return map[string]string{InKeyring: ".sealed", InFile: ".plain"}[kind]
}

// Store keeps the token set of one login.
type Store struct {
	Dir     Dir
	Kind    string
	Keyring *Keyring
	ID      string
	Header  Header
}

// NewStore is the store of kind for the login that key names.
func NewStore(dir Dir, kind string, k *Keyring, key Key) *Store {
	h := Header{Format: format, Server: key.Server[0], Client: key.Client, Account: key.Account}
	if kind == InKeyring {
		h.Item = key.item()
	}
	return &Store{Dir: dir, Kind: kind, Keyring: k, ID: key.ID(), Header: h}
}

// Load returns the set that is kept, or nil where there is none: no file, a
// file that is damaged or of another version, or one whose key is gone. A
// [StoreError] means that it cannot be told.
func (s *Store) Load(ctx context.Context) (*oauth.Token, error) {
	if s.Kind == Nowhere {
		return nil, nil
	}
	file, err := s.Dir.read(s.name())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := s.open(ctx, file)
	if err == nil {
		var t *oauth.Token
		if t, err = decode(text); err == nil {
			return t, nil
		}
	}
	if errors.Is(err, errDamaged) || errors.Is(err, errNoKey) {
		return nil, nil
	}
	return nil, err
}

func (s *Store) name() string { return s.ID + suffix(s.Kind) }

func (s *Store) open(ctx context.Context, file []byte) ([]byte, error) {
	h, line, rest, err := split(file)
	if err != nil {
		return nil, err
	}
	if s.Kind == InFile {
		return rest, nil
	}
	key, err := s.Keyring.get(ctx, h.Item)
	if err != nil {
		return nil, err
	}
	return open(key, s.ID, line, rest)
}

// Draft is a set that is about to be kept: all that can fail has been tried.
type Draft struct {
	store  *Store
	file   *replacement
	key    []byte
	newKey bool
}

// Prepare makes sure that a set can be kept, before anything is spent for it:
// the disk has the space, the keyring has the key. The caller holds the
// login's lock.
func (s *Store) Prepare(ctx context.Context) (*Draft, error) {
	d := &Draft{store: s}
	if s.Kind == Nowhere {
		return d, nil
	}
	const room = 32 << 10 // for the largest tokens that servers give
	var err error
	if d.file, err = s.Dir.replace(s.name(), room); err != nil {
		return nil, err
	}
	if s.Kind == InKeyring {
		if err := d.findKey(ctx); err != nil {
			d.file.discard()
			return nil, err
		}
	}
	return d, nil
}

// findKey gets the login's key, or makes it on the keyring's definite word that
// there is none.
func (d *Draft) findKey(ctx context.Context) error {
	s := d.store
	key, err := s.Keyring.get(ctx, s.Header.Item)
	if errors.Is(err, errNoKey) {
		key, d.newKey = newKey(), true
		if err = s.Keyring.set(ctx, s.Header.Item, key); err == nil {
			_, err = s.Keyring.get(ctx, s.Header.Item) // what cannot be read back was not kept
		}
		if errors.Is(err, errNoKey) {
			return cannotAsk(errors.New("it does not keep what it is given"))
		}
	}
	d.key = key
	return err
}

// Save keeps t in place of what was there.
func (d *Draft) Save(t *oauth.Token) error {
	s := d.store
	switch s.Kind {
	case Nowhere:
		return nil
	case InFile:
		return d.file.commit(join(s.Header, func([]byte) []byte { return encode(t) }))
	}
	return d.file.commit(join(s.Header, func(line []byte) []byte { return seal(d.key, s.ID, line, encode(t)) }))
}

// Discard leaves everything as it was before Prepare.
func (d *Draft) Discard(ctx context.Context) {
	if d.file != nil {
		d.file.discard()
	}
	if d.newKey {
		_ = d.store.Keyring.delete(context.WithoutCancel(ctx), d.store.Header.Item)
	}
}

// Lock waits until no other process renews or deletes the login, and returns the
// function that lets the next one go on.
func (s *Store) Lock(ctx context.Context) (unlock func(), err error) {
	return s.Dir.lock(ctx, s.ID+".lock")
}

// Delete forgets the login: its file and its key. The caller holds the login's
// lock.
func (s *Store) Delete(ctx context.Context) error {
	path := s.Dir.path(s.name())
	_ = os.Remove(path + unfinished)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &StoreError{Problem: fmt.Sprintf("cannot delete %s: %s", path, reason(err))}
	}
	if s.Header.Item == "" {
		return nil
	}
	return s.Keyring.delete(ctx, s.Header.Item)
}
