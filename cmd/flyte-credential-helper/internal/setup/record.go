package setup

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
)

// record is the form of a journal in versions before 0.1.0, with whole files.
type record struct {
	Files []recordedFile `json:"files"`
}

type recordedFile struct {
	Path   string `json:"path"`
	Before []byte `json:"before"` // null: there was no file
	Text   []byte `json:"text"`   // what setup wrote; of a link, where it leads; absent in the first versions
	Link   bool   `json:"link"`
}

// changesOf returns the changes of a record: the entries that setup's text has and the text
// before has not, with the values of the text before. ok is false if a file cannot be read.
func (js *journals) changesOf(ctx context.Context, caller string, text []byte) (changes []edit.Change, ok bool) {
	var r record
	if json.Unmarshal(text, &r) != nil {
		return nil, false
	}
	ok = true
	for _, f := range r.Files {
		if f.Link {
			changes = append(changes, edit.Change{Path: f.Path, Kind: edit.KindLink, New: string(f.Text)})
			continue
		}
		found, err := js.changesOfFile(ctx, caller, f)
		changes, ok = append(changes, found...), ok && err == nil
	}
	return changes, ok
}

func (js *journals) changesOfFile(ctx context.Context, caller string, f recordedFile) (changes []edit.Change, err error) {
	kind, empty := kindOf(caller, f.Path)
	format, found := js.formats[kind]
	if !found {
		return nil, fmt.Errorf("%s: no format", f.Path)
	}
	if f.Before == nil {
		changes = append(changes, edit.Change{Path: f.Path, Kind: edit.KindFile, New: edit.Sum(empty)})
	}
	if f.Text == nil {
		if f.Text, err = edit.Read(f.Path); err != nil || f.Text == nil {
			return nil, err
		}
	}
	keys, err := js.keysOf(ctx, kind, f.Text)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		old, err := format.Get(ctx, f.Before, key)
		if err != nil {
			return nil, err
		}
		now, err := format.Get(ctx, f.Text, key)
		if err != nil || now == nil || old != nil && *old == *now {
			continue
		}
		changes = append(changes, edit.Change{Path: f.Path, Kind: kind, Key: slices.Clone(key), Old: old, New: *now})
	}
	return changes, nil
}

// keysOf are the keys of the entries of a text that can be ours.
func (js *journals) keysOf(ctx context.Context, kind string, text []byte) (keys [][]string, err error) {
	switch kind {
	case kindProfile:
		return profileKeys(text)
	case kindDocker:
		return dockerKeys(text), nil
	case kindKubeconfig:
		return kubeconfigKeys(text)
	case kindFlyte:
		for _, key := range []string{"endpoint", "insecure", "insecureSkipVerify", "caCertFilePath", "authType", "command", "disableKeyring"} {
			keys = append(keys, []string{"admin", key})
		}
		return keys, nil
	case kindGoEnv:
		return [][]string{{"GOAUTH"}}, nil
	case kindText:
		return [][]string{{"the text"}}, nil
	}
	return js.formats[kind].(gitFormat).keys(ctx, text)
}

// kindOf is the kind of a file that an earlier version changed, and its text without entries.
func kindOf(caller, path string) (kind, empty string) {
	switch {
	case filepath.Base(path) == "config.yaml" && filepath.Base(filepath.Dir(path)) == config.Program:
		return kindProfile, ""
	case filepath.Ext(path) == ".secret", filepath.Ext(path) == ".pem": // of a user of kubelogin
		return kindText, ""
	case caller == "docker":
		return kindDocker, "{}\n"
	case caller == "kubernetes":
		return kindKubeconfig, ""
	case caller == "flyte":
		return kindFlyte, ""
	case caller == "goauth":
		return kindGoEnv, ""
	}
	return caller, "" // git
}
