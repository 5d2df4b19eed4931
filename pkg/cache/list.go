package cache

import (
	"errors"
	"io/fs"
	"os"
	"strings"
)

// List returns the stores of all logins that are kept in dir, in no order that
// means anything. A file that is not understood is passed over.
func List(dir Dir, k *Keyring) ([]*Store, error) {
	entries, err := os.ReadDir(string(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, dir.unusable(err)
	}
	var stores []*Store
	for _, e := range entries {
		for kind, suffix := range suffixes() {
			id, found := strings.CutSuffix(e.Name(), suffix)
			if !found {
				continue
			}
			file, err := dir.read(e.Name())
			if err != nil {
				return nil, err
			}
			if h, _, _, err := split(file); err == nil {
				stores = append(stores, &Store{Dir: dir, Kind: kind, Keyring: k, ID: id, Header: h, item: h.Item})
			}
		}
	}
	return stores, nil
}
