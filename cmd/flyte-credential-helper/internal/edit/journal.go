package edit

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Journal is what one integration has changed, or was about to change: it is saved before the
// first change. It holds replaced values, and no copies of files.
type Journal struct {
	Path    string
	Changes []Change // in the order in which they are made
}

// journalFile is the form of a journal on disk.
type journalFile struct {
	Version int      `json:"version"`
	Changes []Change `json:"changes"`
}

const journalVersion = 2

// ReadJournal reads the journal at path. If its form is not known, other is its text.
func ReadJournal(path string) (j *Journal, other []byte, err error) {
	j = &Journal{Path: path}
	text, err := Read(path)
	if err != nil || text == nil {
		return j, nil, err
	}
	var f journalFile
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, nil, fmt.Errorf("the journal %s cannot be read: %w", path, err)
	}
	if f.Version != journalVersion {
		return j, text, nil
	}
	j.Changes = f.Changes
	return j, nil, nil
}

// Save writes the journal and syncs it. A journal without changes is removed.
func (j *Journal) Save() error {
	if len(j.Changes) == 0 {
		return remove(j.Path)
	}
	text, err := json.MarshalIndent(journalFile{journalVersion, j.Changes}, "", "\t")
	if err != nil {
		return err
	}
	return Write(j.Path, append(text, '\n'))
}

// Find returns the journal's change of the same entry, or nil.
func (j *Journal) Find(c Change) *Change {
	i := slices.IndexFunc(j.Changes, c.Same)
	if i < 0 {
		return nil
	}
	return &j.Changes[i]
}

// Add returns the journal with more changes. A change of an entry that the journal has already
// replaces it, and serves the hosts of both.
func (j *Journal) Add(changes []Change) *Journal {
	all := slices.Clone(j.Changes)
	for _, c := range changes {
		i := slices.IndexFunc(all, c.Same)
		if i < 0 {
			all = append(all, c)
			continue
		}
		c.For = slices.Compact(slices.Sorted(slices.Values(slices.Concat(all[i].For, c.For))))
		all[i] = c
	}
	return &Journal{Path: j.Path, Changes: all}
}
