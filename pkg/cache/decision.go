package cache

import (
	"context"
	"encoding/json"
	"errors"
	"os"
)

// decisionFile says which kind of store StoreAuto is on this machine. It is decided once, so
// that a keyring that is locked today is not replaced by another store.
const decisionFile = "store.json"

type storeDecision struct {
	Store StoreKind `json:"store"`
}

// decidedStore returns the kind that StoreAuto stands for, or StoreAuto if none is decided.
func (d Dir) decidedStore() StoreKind {
	var c storeDecision
	if text, err := d.read(decisionFile); err != nil || json.Unmarshal(text, &c) != nil {
		return StoreAuto
	}
	if _, known := suffixes()[c.Store]; !known && c.Store != StoreNone {
		return StoreAuto
	}
	return c.Store
}

// autoKind returns the kind of store that StoreAuto is for this login: the one that is
// decided for the machine, or the one that has this login because the user chose it.
func (s *Store) autoKind() StoreKind {
	kind := s.Dir.decidedStore()
	for _, k := range []StoreKind{kind, StoreKeyring, StoreKernel, StoreFile} {
		if suffix, kept := suffixes()[k]; kept {
			if _, err := os.Lstat(s.Dir.path(s.ID + suffix)); err == nil {
				return k
			}
		}
	}
	return kind
}

// decide sets the kind that StoreAuto stands for: the OS keyring; the kernel's if the
// machine has no OS keyring at all (one that is locked or does not answer counts as one);
// otherwise what the user chooses.
func (s *Store) decide(ctx context.Context) error {
	if s.Kind != StoreAuto {
		return nil
	}
	kind, err := s.availableKind(ctx)
	if err != nil {
		return err
	}
	text, err := json.Marshal(storeDecision{Store: kind})
	if err != nil {
		return err
	}
	file, err := s.Dir.replace(decisionFile, "."+s.ID[:8], len(text))
	if err == nil {
		err = file.commit(text)
	}
	if err != nil {
		return err
	}
	s.Kind = kind
	return nil
}

func (s *Store) availableKind(ctx context.Context) (kind StoreKind, err error) {
	_, err = s.Keyring.get(ctx, s.item)
	if err == nil || errors.Is(err, errNoKey) {
		return StoreKeyring, nil
	}
	var none *StoreError
	if !errors.As(err, &none) || !none.absent {
		return "", err
	}
	if none.Store == StoreKernel {
		return StoreKernel, nil
	}
	if s.chooser == nil {
		return "", err
	}
	return s.chooser(ctx)
}
