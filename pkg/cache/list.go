package cache

import (
	"errors"
	"io/fs"
	"os"
	"strings"
)

// List returns the stores of all logins that are kept in dir, in no order that
// means anything. A damaged one has no more of a Header than to say so. An error
// is about the files that cannot be read, and not about the others.
func List(dir Dir, k *Keyring) ([]*Store, error) {
	entries, err := os.ReadDir(string(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, dir.unusable(err)
	}
	var stores []*Store
	var failed error
	for _, e := range entries {
		for kind, suffix := range suffixes() {
			id, found := strings.CutSuffix(e.Name(), suffix)
			if !found {
				continue
			}
			file, err := dir.read(e.Name())
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				failed = errors.Join(failed, err)
			}
			if err != nil {
				continue
			}
			h, _, _, err := split(file)
			if err != nil {
				h.Server = "(damaged)"
			}
			stores = append(stores, &Store{Dir: dir, Kind: kind, Keyring: k, ID: id, Header: h, item: h.Item})
		}
	}
	return stores, failed
}
