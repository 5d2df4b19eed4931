package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// The kinds of store.
const (
	Auto      = "auto"    // the first of the next two that this machine has
	InKeyring = "keyring" // sealed in a file, the key to it in the OS keyring
	InKernel  = "kernel"  // sealed in a file, the key to it in the kernel's: gone at reboot
	InFile    = "file"    // readable in a file, for its owner only
	Nowhere   = "none"    // not kept
)

// suffixes are those of the files in each kind of store.
func suffixes() map[string]string {
	return map[string]string{InKeyring: ".sealed", InKernel: ".kernel", InFile: ".plain"}
}

// kernelLimit is how long the kernel holds a key that is in the OS keyring too.
const kernelLimit = time.Hour

// Store keeps the token set of one login.
type Store struct {
	Dir     Dir
	Kind    string // Auto until it is decided
	Keyring *Keyring
	ID      string
	Header  Header
	// Ask lets a person choose a kind where there is no keyring of any kind.
	// Nil: nobody can be asked.
	Ask func(ctx context.Context) (kind string, err error)

	damaged bool // what Load found: not a set of ours

	auto bool   // Kind was Auto to begin with
	item string // the user name of the key in the OS keyring
	key  []byte // of whoever asks us to spend; nil: the keyring is asked
}

// NewStore is the store of kind for the login that key names.
func NewStore(dir Dir, kind string, k *Keyring, key Key) *Store {
	h := Header{Server: key.Server[0], Client: key.Client, Account: key.Account, Grant: key.Grant}
	id := key.ID()
	return &Store{Dir: dir, Kind: kind, Keyring: k, ID: id, Header: h, auto: kind == Auto, item: key.item(id)}
}

// Load returns the set that is kept, or nil where there is none: no file, a
// file that is damaged or of another version, or one whose key is gone. A
// [StoreError] means that it cannot be told.
func (s *Store) Load(ctx context.Context) (*oauth.Token, error) {
	s.damaged = false
	if s.auto {
		s.Kind = s.current()
	}
	if s.Kind == Nowhere || s.Kind == Auto {
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
	s.damaged = errors.Is(err, errDamaged)
	if s.damaged || errors.Is(err, errNoKey) {
		return nil, nil
	}
	return nil, err
}

// Kept reports whether there is a file of the login, which may be damaged.
func (s *Store) Kept() bool {
	_, err := os.Lstat(s.Dir.path(s.name()))
	return err == nil
}

func (s *Store) name() string { return s.ID + suffixes()[s.Kind] }

func (s *Store) open(ctx context.Context, file []byte) ([]byte, error) {
	h, line, rest, err := split(file)
	if err != nil {
		return nil, err
	}
	if s.Kind == InFile {
		if h.Sum != sum(rest) {
			return nil, errDamaged
		}
		return rest, nil
	}
	key, err := s.find(ctx, h)
	if err != nil {
		return nil, err
	}
	return open(key, s.ID, line, rest)
}

// find gets the key that a file was sealed with: from the kernel, which answers
// in microseconds, else from the OS keyring, and then the kernel has it for an
// hour.
func (s *Store) find(ctx context.Context, h Header) ([]byte, error) {
	if s.key != nil {
		return s.key, nil
	}
	key, err := kernelGet(h.Key)
	if err == nil && describe(key) == h.Key {
		return key, nil
	}
	if s.Kind == InKernel {
		if errors.Is(err, errKernel) {
			err = &StoreError{Problem: "the key to this login is in the kernel's keyring, which cannot be asked here", Hint: keyringHint}
		}
		return nil, err
	}
	if key, err = s.Keyring.get(ctx, h.Item); err == nil {
		_ = kernelSet(describe(key), key, kernelLimit) // or the next call asks the keyring again
	}
	return key, err
}

// Draft is a set that is about to be kept: all that can fail has been tried.
type Draft struct {
	store  *Store
	file   *replacement
	key    []byte
	newKey bool
}

// Prepare makes sure that a set can be kept, before anything is spent for it:
// the disk has the space, the keyring has the key. The caller holds the login's
// spending lock.
func (s *Store) Prepare(ctx context.Context) (*Draft, error) { return s.prepare(ctx, unfinished) }

func (s *Store) prepare(ctx context.Context, stage string) (*Draft, error) {
	d := &Draft{store: s}
	if s.Kind == Nowhere {
		return d, nil
	}
	if err := s.decide(ctx); err != nil || s.Kind == Nowhere {
		return d, err
	}
	const room = 32 << 10 // for the largest tokens that servers give
	var err error
	if d.file, err = s.Dir.replace(s.name(), stage, room); err != nil {
		return nil, err
	}
	if err := d.findKey(ctx); err != nil {
		d.file.discard()
		return nil, err
	}
	return d, nil
}

// findKey gets the login's key, or makes it on the keyring's definite word that
// there is none.
func (d *Draft) findKey(ctx context.Context) error {
	s := d.store
	switch {
	case s.Kind == InFile:
		return nil
	case s.key != nil:
		d.key = s.key
		return nil
	}
	err := errNoKey
	if file, e := s.Dir.read(s.name()); e == nil {
		if h, _, _, e := split(file); e == nil {
			d.key, err = s.find(ctx, h)
		}
	}
	if errors.Is(err, errNoKey) && s.Kind == InKeyring {
		d.key, err = s.Keyring.get(ctx, s.item)
	}
	if errors.Is(err, errNoKey) {
		d.key, d.newKey = newKey(), true
		err = d.keepKey(ctx)
	}
	return err
}

// keepKey puts a new key where it belongs. What cannot be read back was not
// kept.
func (d *Draft) keepKey(ctx context.Context) error {
	s := d.store
	if s.Kind == InKernel {
		if err := kernelSet(describe(d.key), d.key, 0); err != nil {
			return &StoreError{Problem: "the kernel's keyring does not take a key here", Hint: keyringHint}
		}
		return nil
	}
	err := s.Keyring.set(ctx, s.item, d.key)
	if err == nil {
		_, err = s.Keyring.get(ctx, s.item)
	}
	if errors.Is(err, errNoKey) {
		return cannotAsk(errors.New("it does not keep what it is given"))
	}
	if err == nil {
		_ = kernelSet(describe(d.key), d.key, kernelLimit)
	}
	return err
}

// Save keeps t in place of what was there.
func (d *Draft) Save(t *oauth.Token) error {
	s := d.store
	h := s.Header
	switch s.Kind {
	case Nowhere:
		return nil
	case InFile:
		text := encode(t)
		h.Sum = sum(text)
		return d.file.commit(join(h, func([]byte) []byte { return text }))
	case InKeyring:
		h.Item = s.item
	}
	h.Key = describe(d.key)
	return d.file.commit(join(h, func(line []byte) []byte { return seal(d.key, s.ID, line, encode(t)) }))
}

// Discard leaves everything as it was before Prepare.
func (d *Draft) Discard(ctx context.Context) {
	d.close()
	if d.newKey {
		_ = d.store.deleteKey(context.WithoutCancel(ctx), Header{Item: d.store.item, Key: describe(d.key)})
	}
}

// close lets go of the file, and leaves the key.
func (d *Draft) close() {
	if d.file != nil {
		d.file.discard()
	}
}

// Lock waits until no other process renews, spends or deletes the login, and
// returns the function that lets the next one go on.
func (s *Store) Lock(ctx context.Context) (unlock func(), err error) {
	leader, err := s.lockLeader(ctx)
	if err != nil {
		return nil, err
	}
	spending, err := s.lockSpending(ctx)
	if err != nil {
		leader()
		return nil, err
	}
	return func() { spending(); leader() }, nil
}

// lockLeader waits until no other process leads a renewal.
func (s *Store) lockLeader(ctx context.Context) (unlock func(), err error) {
	return s.Dir.lock(ctx, s.ID+".lock")
}

// lockSpending waits until no other process spends what the login has, and
// returns the function that lets the next one go on. Whoever holds it may hold
// the leader's lock, and takes that one first.
func (s *Store) lockSpending(ctx context.Context) (unlock func(), err error) {
	return s.Dir.lock(ctx, s.ID+".spend")
}

// Delete forgets the login: its files, but for the locks, and its key. The caller
// holds [Store.Lock].
func (s *Store) Delete(ctx context.Context) error {
	path := s.Dir.path(s.name())
	h := s.Header
	if file, err := s.Dir.read(s.name()); err == nil {
		if was, _, _, err := split(file); err == nil {
			h = was
		}
	}
	_, _ = os.Remove(path+unfinished), os.Remove(path+tried)
	for _, suffix := range []string{".record", ".who", ".ahead", asideSuffix} {
		_ = os.Remove(s.Dir.path(s.ID + suffix))
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &StoreError{Problem: fmt.Sprintf("cannot delete %s: %s", path, reason(err))}
	}
	if err := s.deleteKey(ctx, h); err != nil {
		return &StoreError{Problem: fmt.Sprintf("the login to %s is forgotten; the key to it stays in the OS keyring, and opens nothing any more: %v", s.Header.Server, err)}
	}
	return nil
}

func (s *Store) deleteKey(ctx context.Context, h Header) error {
	if h.Key != "" {
		kernelDelete(h.Key)
	}
	if h.Item == "" {
		return nil
	}
	return s.Keyring.delete(ctx, h.Item)
}
