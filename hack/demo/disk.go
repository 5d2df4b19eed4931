package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// file is a file as it was found.
type file struct {
	path string
	info fs.FileInfo
	text []byte
}

// disk shows all that the login has left in the home directory.
func (d *demo) disk(ctx context.Context) (err error) {
	d.say("\n6. What lies on disk now\n")
	if d.kept, err = filesBelow(d.home); err != nil {
		return err
	}
	for _, f := range d.kept {
		d.say("%s %6d  %s", f.info.Mode(), f.info.Size(), f.path)
		if runtime.GOOS != "windows" && strings.HasPrefix(f.path, d.stateHome()) && f.info.Mode().Perm()&0o077 != 0 {
			return fmt.Errorf("%s is open to others", f.path)
		}
	}
	if err := d.wasSealed(); err != nil {
		return err
	}
	if d.keyring == nil {
		d.say("\nThe token can be read in the .plain file by whoever can read the file: --store file.")
		return nil
	}
	d.say("\nNo token can be read in any of them. The key to the .sealed file is in the keyring:")
	return d.showItems(ctx)
}

func (d *demo) showItems(ctx context.Context) error {
	items, err := d.keyring.Items(ctx)
	if err != nil {
		return err
	}
	if len(items) != 1 {
		return fmt.Errorf("the keyring has %d items, not 1: %v", len(items), items)
	}
	d.say("service=%s username=%s", items[0]["service"], items[0]["username"])
	return nil
}

// wasSealed fails if a secret can be read in what was kept. Where it was not
// meant to be sealed it is the other way round, or the search were no good.
func (d *demo) wasSealed() error {
	for _, f := range d.kept {
		for _, secret := range d.secrets() {
			if !bytes.Contains(f.text, []byte(secret)) {
				continue
			}
			if d.keyring == nil {
				return nil
			}
			return fmt.Errorf("a secret can be read in %s", f.path)
		}
	}
	if d.keyring == nil {
		return errors.New("no token was found in the files, though they are not sealed")
	}
	return nil
}

// secrets are the token, all that the provider was shown since, and the look of
// every JWT.
func (d *demo) secrets() []string {
	secrets := []string{d.token, "eyJhbGciOi"}
	for _, kind := range []string{"authorize", "token", "revoke"} {
		for _, r := range d.server.Requests(kind) {
			for _, field := range []string{"state", "nonce", "code", "code_verifier", "refresh_token", "token"} {
				if v := r.Form.Get(field); v != "" {
					secrets = append(secrets, v)
				}
			}
		}
	}
	return secrets
}

// nothingKept fails if a login is left.
func (d *demo) nothingKept(ctx context.Context) error {
	left, err := filesBelow(d.stateHome())
	if err != nil {
		return err
	}
	for _, f := range left {
		if ext := filepath.Ext(f.path); ext == ".sealed" || ext == ".plain" || ext == ".new" {
			return fmt.Errorf("%s is still there", f.path)
		}
	}
	if d.keyring == nil {
		return nil
	}
	items, err := d.keyring.Items(ctx)
	if err == nil && len(items) > 0 {
		err = fmt.Errorf("still in the keyring: %v", items)
	}
	return err
}

func (d *demo) orKeyring() string {
	if d.keyring == nil {
		return ""
	}
	return " or in the keyring"
}

// filesBelow reads every regular file below dir.
func filesBelow(dir string) (files []file, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		files = append(files, file{path, info, text})
		return err
	})
	return files, err
}
