package cache

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// List returns the stores of all logins that are saved in dir, in no particular order. The
// Header of a damaged one has only its Server, which says so. An error is about the files
// that cannot be read, and not about the others.
func List(dir Dir, k *Keyring) ([]*Store, error) {
	entries, err := dir.entries()
	if err != nil {
		return nil, err
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

// DeleteDamaged deletes the files that were moved out of the way in dir because they were
// damaged: of the login id, or of all logins if id is empty. It returns their number.
func DeleteDamaged(dir Dir, id string) (n int, failed error) {
	entries, err := dir.entries()
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		of, found := strings.CutSuffix(e.Name(), quarantineSuffix)
		if !found || id != "" && of != id {
			continue
		}
		if err := os.Remove(dir.path(e.Name())); err != nil {
			failed = errors.Join(failed, &StoreError{Problem: "cannot delete " + dir.path(e.Name()) + ": " + reason(err)})
			continue
		}
		dir.removeState(of)
		n++
	}
	return n, failed
}

// removeState deletes what belongs to the login id and is neither a token nor a lock.
func (d Dir) removeState(id string) {
	for _, suffix := range []string{".record", ".record" + newSuffix, ".intent", ".intent" + newSuffix, ".who", ".ahead", quarantineSuffix} {
		_ = os.Remove(d.path(id + suffix))
	}
}

// entries returns the files of the directory: none if nothing was ever saved.
func (d Dir) entries() ([]os.DirEntry, error) {
	if !filepath.IsAbs(string(d)) {
		return nil, errNoHome()
	}
	if _, err := os.Lstat(string(d)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return nil, d.unusable(err)
	}
	return entries, nil
}
