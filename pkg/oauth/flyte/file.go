package flyte

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	// maxFile is more than any configuration file has.
	maxFile = 1 << 20
	// maxStranger is the same for a file that anybody may have put there. The
	// parser's time grows with the square of what it reads.
	maxStranger = 16 << 10
	maxSecret   = 64 << 10
)

// place is where a configuration file may be.
type place struct {
	path     string
	variable string // that names it
	tree     bool   // below a working tree, so not the person's own
}

// named are the files that variables name.
func (s *Source) named() (places []place) {
	for _, name := range []string{"_FLYTECTL_CONFIG_PYFLYTE_OVERRIDE", "UCTL_CONFIG", "FLYTECTL_CONFIG"} {
		if path := s.env[name]; path != "" {
			places = append(places, place{path: s.world.absolute(path), variable: name})
		}
	}
	return places
}

// inTree are the files of the working tree.
func (s *Source) inTree() []place {
	dir := s.world.Dir
	if dir == "" {
		return nil
	}
	places := []place{
		{path: filepath.Join(dir, "flytekit.config"), tree: true},
		{path: filepath.Join(dir, "config.yaml"), tree: true},
		{path: filepath.Join(dir, ".flyte", "config.yaml"), tree: true},
	}
	if root := gitRoot(dir); root != "" && root != dir {
		places = append(places, place{path: filepath.Join(root, ".flyte", "config.yaml"), tree: true})
	}
	return places
}

// atHome are the person's own files.
func (s *Source) atHome() []place {
	home := s.world.Home
	if home == "" {
		return nil
	}
	return []place{
		{path: filepath.Join(home, ".union", "config.yaml")},
		{path: filepath.Join(home, ".flyte", "config")},
		{path: filepath.Join(home, ".flyte", "config.yaml")},
	}
}

// gitRoot is the folder at or above dir that git has its own in.
func gitRoot(dir string) string {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}

// search finds the file that counts: the first one with an endpoint.
func (s *Source) search() error {
	for _, places := range []func() []place{s.named, s.inTree, s.atHome} {
		for _, p := range places() {
			found, err := s.try(p)
			if found || err != nil {
				return err
			}
		}
	}
	return nil
}

// try takes the file at p if it is there and has an endpoint. What is wrong with a
// file of a working tree, which may be any program's, is no error.
func (s *Source) try(p place) (found bool, err error) {
	info, err := os.Stat(p.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && !info.Mode().IsRegular():
		if p.variable != "" {
			s.Missing = cmp.Or(s.Missing, p.path)
			s.Warnings = append(s.Warnings, fmt.Sprintf("%s names %s, which is no file", p.variable, p.path))
		}
		return false, nil
	case err == nil:
		p.tree = p.tree && !s.isAtHome(info)
		err = s.take(p)
	}
	if err != nil && p.tree {
		s.Notes = append(s.Notes, fmt.Sprintf("not read: %v", err))
		return false, nil
	}
	return s.File != "", err
}

// isAtHome reports whether a file is one of the person's own, by whatever way one
// came to it: the working tree may be the home folder.
func (s *Source) isAtHome(info fs.FileInfo) bool {
	for _, p := range s.atHome() {
		if own, err := os.Stat(p.path); err == nil && os.SameFile(own, info) {
			return true
		}
	}
	return false
}

// take reads the file at p, and keeps what it says if it has an endpoint.
func (s *Source) take(p place) error {
	most := maxFile
	if p.tree {
		most = maxStranger
	}
	text, err := readFile(p.path, most)
	if err != nil {
		return err
	}
	values, err := parseFile(p.path, strings.TrimPrefix(text, "\ufeff"))
	if err != nil {
		return err
	}
	if !values[optionEndpoint].stated() {
		if !p.tree {
			s.Notes = append(s.Notes, p.path+" has no endpoint, so nothing in it counts")
		}
		return nil
	}
	s.File, s.InWorkingTree, s.values = p.path, p.tree, values
	return nil
}

func parseFile(path, text string) (map[string]value, error) {
	switch {
	case !isYAML(path):
		file, err := parseINI(path, text)
		if err != nil {
			return nil, err
		}
		return file.values(path)
	case !strings.Contains(strings.ToLower(text), optionEndpoint):
		return nil, nil // spare the parser what other programs have in theirs
	}
	return parseYAML(path, text)
}

func isYAML(path string) bool {
	return strings.HasSuffix(path, "yaml") || strings.HasSuffix(path, "yml")
}

// readFile returns a file's text, if it is a regular file of at most so many bytes.
func readFile(path string, most int) (string, error) {
	f, err := openFile(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no file", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err != nil {
		return "", err
	}
	if len(text) > most {
		return "", fmt.Errorf("%s is larger than %d KiB", path, most>>10)
	}
	return string(text), nil
}
