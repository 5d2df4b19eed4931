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

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

const (
	// maxFile is the limit in bytes for a configuration file, and maxUntrustedFile for one in a
	// working tree, which any program may have written. The parser's time grows with the square
	// of the size: 64 KiB take it up to a second, and 1 MiB minutes.
	maxFile          = 64 << 10
	maxUntrustedFile = 16 << 10
	maxSecret        = 64 << 10
)

// candidate is a path at which a configuration file may be.
type candidate struct {
	path          string
	variable      string // that names it
	inWorkingTree bool   // below a working tree, so not the person's own
}

// filesOfVariables returns the files that variables name.
func (s *Source) filesOfVariables() (places []candidate) {
	for _, name := range []string{"_FLYTECTL_CONFIG_PYFLYTE_OVERRIDE", "UCTL_CONFIG", "FLYTECTL_CONFIG"} {
		if path := s.vars[name]; path != "" {
			places = append(places, candidate{path: s.env.absolute(path), variable: name})
		}
	}
	return places
}

// filesInWorkingTree returns the files of the working tree.
func (s *Source) filesInWorkingTree() []candidate {
	dir := s.env.Dir
	if dir == "" {
		return nil
	}
	places := []candidate{
		{path: filepath.Join(dir, "flytekit.config"), inWorkingTree: true},
		{path: filepath.Join(dir, "config.yaml"), inWorkingTree: true},
		{path: filepath.Join(dir, ".flyte", "config.yaml"), inWorkingTree: true},
	}
	if root := gitRoot(dir); root != "" && root != dir {
		places = append(places, candidate{path: filepath.Join(root, ".flyte", "config.yaml"), inWorkingTree: true})
	}
	return places
}

// filesInHome returns the user's own files.
func (s *Source) filesInHome() []candidate {
	home := s.env.Home
	if home == "" {
		return nil
	}
	return []candidate{
		{path: filepath.Join(home, ".union", "config.yaml")},
		{path: filepath.Join(home, ".flyte", "config")},
		{path: filepath.Join(home, ".flyte", "config.yaml")},
	}
}

// gitRoot returns the directory at or above dir that contains .git, or "".
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

// search loads the file that is used: the first one with an endpoint. named reports whether
// a variable names the endpoint.
func (s *Source) search(named bool) error {
	for _, places := range []func() []candidate{s.filesOfVariables, s.filesInWorkingTree} {
		if err := s.firstOf(places()); err != nil {
			return err
		}
		switch {
		case s.File != "" && s.InWorkingTree:
			return s.compareWithHome(named)
		case s.File != "":
			return nil
		}
	}
	return s.firstOf(s.filesInHome())
}

// firstOf loads the first of the files that has an endpoint.
func (s *Source) firstOf(places []candidate) error {
	for _, p := range places {
		if found, err := s.tryFile(p); found || err != nil {
			return err
		}
	}
	return nil
}

// compareWithHome decides between the loaded file of the working tree and the file at home.
// The file at home is used if both name the same endpoint, because all its options are
// trusted, or if it has the endpoint that the user has named.
func (s *Source) compareWithHome(named bool) error {
	home := &Source{sourceData: &sourceData{env: s.env, vars: s.vars}}
	if err := home.firstOf(home.filesInHome()); err != nil {
		s.note(fmt.Sprintf("not read: %v", err))
		return nil
	}
	own, found := home.fileEndpoint(), s.fileEndpoint()
	switch {
	case home.File == "" || named:
		return nil
	case SameEndpoint(own, found) || s.env.Endpoint != "" && SameEndpoint(own, s.env.Endpoint):
		s.File, s.InWorkingTree, s.values = home.File, false, home.values
		return nil
	case s.env.Endpoint != "":
		return nil
	}
	return &AmbiguousError{HomeFile: home.File, HomeEndpoint: own, TreeFile: s.File, TreeEndpoint: found}
}

// fileEndpoint returns the endpoint in the loaded file, or "".
func (s *Source) fileEndpoint() string { return cleanEndpoint(s.values[optionEndpoint].text) }

// AmbiguousError means that the file at home and a file in the working tree name different
// endpoints. Flyte's clients do not agree on which one they use.
type AmbiguousError struct {
	HomeFile, HomeEndpoint string
	TreeFile, TreeEndpoint string
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%s names the endpoint %s, and %s in the working tree names %s", e.HomeFile, oauth.Printable(e.HomeEndpoint), e.TreeFile, oauth.Printable(e.TreeEndpoint))
}

// tryFile loads the file at p if it exists and has an endpoint. A wrong file in a working
// tree is not an error, because it may belong to any program.
func (s *Source) tryFile(p candidate) (found bool, err error) {
	info, err := os.Stat(p.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && !info.Mode().IsRegular() && (p.variable == "" || info.IsDir()):
		if p.variable != "" {
			s.Missing = cmp.Or(s.Missing, p.path)
			s.Warnings = append(s.Warnings, fmt.Sprintf("%s names %s, which is not a file", p.variable, p.path))
		}
		return false, nil
	case err == nil:
		p.inWorkingTree = p.inWorkingTree && !s.isInHome(info)
		err = s.loadFile(p)
	}
	if err != nil && p.inWorkingTree {
		s.Notes = append(s.Notes, fmt.Sprintf("not read: %v", err))
		return false, nil
	}
	if err != nil {
		s.File = p.path
	}
	return s.File != "", err
}

// isInHome reports whether a file is one of the user's own, even if it was found in the
// working tree: that may be the home directory.
func (s *Source) isInHome(info fs.FileInfo) bool {
	for _, p := range s.filesInHome() {
		if own, err := os.Stat(p.path); err == nil && os.SameFile(own, info) {
			return true
		}
	}
	return false
}

// loadFile reads the file at p and keeps its options if it has an endpoint.
func (s *Source) loadFile(p candidate) error {
	most := maxFile
	if p.inWorkingTree {
		most = maxUntrustedFile
	}
	text, err := s.env.readFile(p.path, most)
	if err != nil {
		return err
	}
	values, err := parseFile(p.path, strings.TrimPrefix(text, "\ufeff"))
	if err != nil {
		return err
	}
	if !values[optionEndpoint].isSet() {
		if !p.inWorkingTree {
			s.Notes = append(s.Notes, p.path+" has no endpoint, so it is ignored")
		}
		return nil
	}
	s.File, s.InWorkingTree, s.values = p.path, p.inWorkingTree, values
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
		return nil, nil // another program's file need not be parsed
	}
	return parseYAML(path, text)
}

func isYAML(path string) bool {
	return strings.HasSuffix(path, "yaml") || strings.HasSuffix(path, "yml")
}

// readFile returns the text of a file of at most so many bytes.
func (w Env) readFile(path string, most int) (string, error) {
	read := w.ReadFile
	if read == nil {
		read = readRegular
	}
	text, err := read(path, most)
	return string(text), err
}

// readRegular reads a regular file. It does not open any other, because that may wait for
// another program.
func readRegular(path string, most int) ([]byte, error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil, cmp.Or(err, fmt.Errorf("%s is not a file", path))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err == nil && len(text) > most {
		err = fmt.Errorf("%s is larger than %d KiB", path, most>>10)
	}
	return text, err
}
