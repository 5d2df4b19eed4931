package cache

import (
	"context"
	"encoding/json"
	"errors"
	"os"
)

// choiceFile holds which kind of store Auto is on this machine: decided once,
// obeyed by all, so that a keyring that is locked today is not left for another
// store.
const choiceFile = "store.json"

type choice struct {
	Store string `json:"store"`
}

// chosen returns the kind that Auto stands for, or Auto where none is decided.
func (d Dir) chosen() string {
	var c choice
	if text, err := d.read(choiceFile); err != nil || json.Unmarshal(text, &c) != nil {
		return Auto
	}
	if _, known := suffixes()[c.Store]; !known && c.Store != Nowhere {
		return Auto
	}
	return c.Store
}

// current is the kind of store that Auto is just now for this login: what is
// decided for the machine, or where a person has put this one by another choice.
func (s *Store) current() string {
	kind := s.Dir.chosen()
	for _, k := range []string{kind, InKeyring, InKernel, InFile} {
		if suffix, kept := suffixes()[k]; kept {
			if _, err := os.Lstat(s.Dir.path(s.ID + suffix)); err == nil {
				return k
			}
		}
	}
	return kind
}

// decide settles what Auto is: the OS keyring; the kernel's where a machine has
// no OS keyring at all, which one that is locked or dead is not; else what a
// person says.
func (s *Store) decide(ctx context.Context) error {
	if s.Kind != Auto {
		return nil
	}
	kind, err := s.available(ctx)
	if err != nil {
		return err
	}
	text, err := json.Marshal(choice{Store: kind})
	if err != nil {
		return err
	}
	file, err := s.Dir.replace(choiceFile, "."+s.ID[:8], len(text))
	if err == nil {
		err = file.commit(text)
	}
	if err != nil {
		return err
	}
	s.Kind = kind
	return nil
}

func (s *Store) available(ctx context.Context) (kind string, err error) {
	_, err = s.Keyring.get(ctx, s.item)
	if err == nil || errors.Is(err, errNoKey) {
		return InKeyring, nil
	}
	var none *StoreError
	if !errors.As(err, &none) || !none.absent {
		return "", err
	}
	const trial = service + ":trial"
	if kernelSet(trial, newKey(), kernelLimit) == nil {
		kernelDelete(trial)
		return InKernel, nil
	}
	if s.Ask == nil {
		return "", err
	}
	return s.Ask(ctx)
}
