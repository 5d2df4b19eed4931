package setup

// The setups of kubernetes and flyte use this engine until they are integrations.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

type undo struct {
	path  string
	began time.Time
	Files []legacyFile
}

type legacyFile struct {
	Path   string `json:"path"`
	Before []byte `json:"before"`
	Text   []byte `json:"text,omitempty"`
}

func readUndo(env system.Env, setup string) (*undo, error) {
	u := &undo{path: filepath.Join(string(login.StateDir(env)), "setup."+setup), began: env.Now()}
	text, err := edit.Read(u.path)
	if err == nil && text != nil {
		err = json.Unmarshal(text, u)
	}
	return u, err
}

func (u *undo) uses(string) {}

func (u *undo) orBack(f func() error) error { return f() }

func (u *undo) watch(paths []string, f func() error) error {
	before := map[string][]byte{}
	for _, path := range paths {
		text, err := edit.Read(path)
		if err != nil {
			return err
		}
		before[path] = text
	}
	failed := f()
	for _, path := range paths {
		after, err := edit.Read(path)
		if err == nil && !bytes.Equal(after, before[path]) {
			u.Files = append(u.Files, legacyFile{path, before[path], after})
		}
		failed = errors.Join(failed, err)
	}
	text, err := json.Marshal(map[string]any{"files": u.Files})
	if err != nil {
		return err
	}
	return errors.Join(failed, edit.Write(u.path, text))
}

func legacyReplace(path string, was, text []byte) error {
	now, err := edit.Read(path)
	if err == nil && !bytes.Equal(now, was) {
		err = &edit.ChangedError{Path: path}
	}
	if err != nil {
		return err
	}
	return edit.Write(path, text)
}

func (r *Run) legacyConfirm(ctx context.Context, yes bool) error {
	if yes {
		return nil
	}
	return r.confirm(ctx)
}

func (r *Run) legacyLogIn(ctx context.Context, settings *config.Resolved, kind oauth.Kind) error {
	p := r.policy
	p.Explicit, p.IgnoreBackoff, p.AcceptServers, p.Kind, p.Auto = true, true, r.options.Yes, kind, oauth.Auto
	s, err := login.Open(ctx, settings, p, r.Env)
	if err != nil {
		return err
	}
	_, _, err = s.Token(ctx, login.Rejection{})
	return err
}

func (r *Run) logInWithProfile(ctx context.Context, profile string, servesHost bool, kind oauth.Kind) error {
	_, err := r.logIn(ctx, &plan{profile: profile, servesHost: servesHost, kind: kind}, nil)
	return err
}

// wholeFile is a file whose only entry is its whole text.
type wholeFile struct{}

func (wholeFile) Get(_ context.Context, text []byte, _ []string) (*string, error) {
	if text == nil {
		return nil, nil
	}
	value := string(text)
	return &value, nil
}

func (wholeFile) Set(_ context.Context, _ []byte, _ []string, value *string) ([]byte, error) {
	if value == nil {
		return []byte{}, nil
	}
	return []byte(*value), nil
}

func (wholeFile) Keys(context.Context, []byte) ([][]string, error) { return [][]string{nil}, nil }
