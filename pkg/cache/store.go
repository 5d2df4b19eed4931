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

// StoreKind says where a login is saved.
type StoreKind string

// The kinds of store.
const (
	StoreAuto    StoreKind = "auto"    // the first of the next two that this machine has
	StoreKeyring StoreKind = "keyring" // sealed in a file, the key to it in the OS keyring
	StoreKernel  StoreKind = "kernel"  // sealed in a file, the key to it in the kernel's: gone at reboot
	StoreFile    StoreKind = "file"    // readable in a file, for its owner only
	StoreNone    StoreKind = "none"    // not saved
)

// suffixes returns the suffix of the files in each kind of store.
func suffixes() map[StoreKind]string {
	return map[StoreKind]string{StoreKeyring: ".sealed", StoreKernel: ".kernel", StoreFile: ".plain"}
}

// kernelLimit is how long the kernel keeps a key that is in the OS keyring too.
const kernelLimit = time.Hour

// Store saves the token set of one login.
type Store struct {
	Dir     Dir
	Kind    StoreKind // StoreAuto until it is decided
	Keyring *Keyring
	ID      string
	Header  Header

	chooser func(ctx context.Context) (StoreKind, error) // lets the user choose a kind if there is no keyring; nil: no user does

	damaged bool // Load found a file that contains no readable token set

	auto bool   // Kind was StoreAuto to begin with
	item string // the user name of the key in the OS keyring
	key  []byte // that the leader sent to this worker; nil: it is read from the keyring
}

// newStore returns the store of that kind for the login that key identifies.
func newStore(dir Dir, kind StoreKind, k *Keyring, key Key) *Store {
	h := Header{Server: key.Server[0], Client: key.Client, Account: key.Account, Grant: key.Grant, SecretSum: key.secretSum()}
	id := key.ID()
	return &Store{Dir: dir, Kind: kind, Keyring: k, ID: id, Header: h, auto: kind == StoreAuto, item: key.item(id)}
}

// Load returns the saved set, or nil if there is none: no file, a file that is damaged or
// of another version, one whose key was deleted, or a set that was obtained with another client
// secret. A [StoreError] means that it is not known.
func (s *Store) Load(ctx context.Context) (*oauth.Token, error) {
	s.damaged = false
	if s.auto {
		s.Kind = s.autoKind()
	}
	if s.Kind == StoreNone || s.Kind == StoreAuto {
		return nil, nil
	}
	file, err := s.Dir.read(s.name())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if s.obtainedWithOther(file) {
		return nil, nil
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

// obtainedWithOther reports whether the client's secret is another than the one by which
// the saved token was obtained: then the token is not returned any more.
func (s *Store) obtainedWithOther(file []byte) bool {
	h, _, _, err := split(file)
	return err == nil && h.SecretSum != "" && s.Header.SecretSum != "" && h.SecretSum != s.Header.SecretSum
}

// CurrentKind returns the kind of store in which the login is now, also for StoreAuto.
func (s *Store) CurrentKind() StoreKind {
	if s.auto {
		return s.autoKind()
	}
	return s.Kind
}

// Exists reports whether there is a file of the login, which may be damaged.
func (s *Store) Exists() bool {
	_, err := os.Lstat(s.Dir.path(s.name()))
	return err == nil
}

func (s *Store) name() string { return s.ID + suffixes()[s.Kind] }

func (s *Store) open(ctx context.Context, file []byte) ([]byte, error) {
	h, line, rest, err := split(file)
	if err != nil {
		return nil, err
	}
	if s.Kind == StoreFile {
		if h.Sum != checksum(rest) {
			return nil, errDamaged
		}
		return rest, nil
	}
	key, err := s.sealingKey(ctx, h)
	if err != nil {
		return nil, err
	}
	return open(key, s.ID, line, rest)
}

// sealingKey returns the key with which a file was sealed: from the kernel, which answers in
// microseconds, or from the OS keyring, and then the kernel keeps it for an hour.
func (s *Store) sealingKey(ctx context.Context, h Header) ([]byte, error) {
	if s.key != nil {
		return s.key, nil
	}
	key, err := kernelGet(h.Key)
	if err == nil && keyDescription(key) == h.Key {
		return key, nil
	}
	if s.Kind == StoreKernel {
		if errors.Is(err, errKernel) {
			err = &StoreError{Problem: "the key to this login is in the kernel's keyring, which cannot be read here", Store: StoreFile}
		}
		return nil, err
	}
	if key, err = s.Keyring.get(ctx, h.Item); err == nil {
		_ = kernelSet(keyDescription(key), key, kernelLimit) // or the next call asks the keyring again
	}
	return key, err
}

// PendingWrite is a write that has been prepared: all that can fail has been tried.
type PendingWrite struct {
	store  *Store
	file   *replacement
	key    []byte
	newKey bool
}

// Prepare makes sure that a set can be saved, before a request uses anything up: the disk
// has the space, the keyring has the key. The caller holds the login's redeem lock.
func (s *Store) Prepare(ctx context.Context) (*PendingWrite, error) {
	return s.prepare(ctx, newSuffix)
}

func (s *Store) prepare(ctx context.Context, stage string) (*PendingWrite, error) {
	d := &PendingWrite{store: s}
	if s.Kind == StoreNone {
		return d, nil
	}
	if err := s.decide(ctx); err != nil || s.Kind == StoreNone {
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

// findKey gets the login's key. It makes one if the keyring answers that there is none.
func (d *PendingWrite) findKey(ctx context.Context) error {
	s := d.store
	switch {
	case s.Kind == StoreFile:
		return nil
	case s.key != nil:
		d.key = s.key
		return nil
	}
	err := errNoKey
	if file, e := s.Dir.read(s.name()); e == nil {
		if h, _, _, e := split(file); e == nil {
			d.key, err = s.sealingKey(ctx, h)
		}
	}
	if errors.Is(err, errNoKey) && s.Kind == StoreKeyring {
		d.key, err = s.Keyring.get(ctx, s.item)
	}
	if errors.Is(err, errNoKey) {
		d.key, d.newKey = newKey(), true
		err = d.saveKey(ctx)
	}
	return err
}

// saveKey saves a new key. One that cannot be read back was not saved.
func (d *PendingWrite) saveKey(ctx context.Context) error {
	s := d.store
	if s.Kind == StoreKernel {
		if err := kernelSet(keyDescription(d.key), d.key, 0); err != nil {
			return &StoreError{Problem: "the kernel's keyring does not accept keys here", Store: StoreFile}
		}
		return nil
	}
	err := s.Keyring.set(ctx, s.item, d.key)
	if err == nil {
		_, err = s.Keyring.get(ctx, s.item)
	}
	if errors.Is(err, errNoKey) {
		return keyringError(errors.New("it does not return a key that was just saved"))
	}
	if err == nil {
		_ = kernelSet(keyDescription(d.key), d.key, kernelLimit)
	}
	return err
}

// Save saves t in place of the former set.
func (d *PendingWrite) Save(t *oauth.Token) error {
	s := d.store
	h := s.Header
	switch s.Kind {
	case StoreNone:
		return nil
	case StoreFile:
		text := encode(t)
		h.Sum = checksum(text)
		return d.file.commit(join(h, func([]byte) []byte { return text }))
	case StoreKeyring:
		h.Item = s.item
	}
	h.Key = keyDescription(d.key)
	return d.file.commit(join(h, func(line []byte) []byte { return seal(d.key, s.ID, line, encode(t)) }))
}

// Discard leaves everything as it was before Prepare. A key stays if there is a file: a
// worker that was killed may have saved a set with it.
func (d *PendingWrite) Discard(ctx context.Context) {
	d.close()
	if d.newKey && !d.store.Exists() {
		_ = d.store.deleteKey(context.WithoutCancel(ctx), Header{Item: d.store.item, Key: keyDescription(d.key)})
	}
}

// close gives the file up, and keeps the key.
func (d *PendingWrite) close() {
	if d.file != nil {
		d.file.discard()
	}
}

// Lock waits until no other process renews or deletes the login, and returns the function
// that lets the next one go on.
func (s *Store) Lock(ctx context.Context) (unlock func(), err error) {
	leader, err := s.lockLeader(ctx)
	if err != nil {
		return nil, err
	}
	redeem, err := s.lockRedeem(ctx)
	if err != nil {
		leader()
		return nil, err
	}
	return func() { redeem(); leader() }, nil
}

// lockLeader waits until no other process leads a renewal.
func (s *Store) lockLeader(ctx context.Context) (unlock func(), err error) {
	return s.Dir.lock(ctx, s.leaderLock())
}

// tryLockLeader is lockLeader that returns [ErrBusy] instead of waiting.
func (s *Store) tryLockLeader() (unlock func(), err error) { return s.Dir.tryLock(s.leaderLock()) }

func (s *Store) leaderLock() string { return s.ID + ".lock" }

// lockRedeem takes the redeem lock, which a worker holds while it sends a refresh token or a
// code. A process that needs the leader's lock too takes that one first.
func (s *Store) lockRedeem(ctx context.Context) (unlock func(), err error) {
	return s.Dir.lock(ctx, s.redeemLock())
}

// tryLockRedeem is lockRedeem that returns [ErrBusy] instead of waiting.
func (s *Store) tryLockRedeem() (unlock func(), err error) { return s.Dir.tryLock(s.redeemLock()) }

func (s *Store) redeemLock() string { return s.ID + ".spend" }

// Delete deletes the login: its files, except the locks, and its key. The caller holds
// [Store.Lock].
func (s *Store) Delete(ctx context.Context) error {
	path := s.Dir.path(s.name())
	h := s.Header
	if file, err := s.Dir.read(s.name()); err == nil {
		if was, _, _, err := split(file); err == nil {
			h = was
		}
	}
	_, _ = os.Remove(path+newSuffix), os.Remove(path+preflightSuffix)
	s.Dir.removeState(s.ID)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &StoreError{Problem: fmt.Sprintf("cannot delete %s: %s", path, reason(err))}
	}
	if err := s.deleteKey(ctx, h); err != nil {
		return &StoreError{Problem: fmt.Sprintf("the login to %s is deleted; its key is still in the OS keyring, and is of no use any more: %v", s.Header.Server, err)}
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
