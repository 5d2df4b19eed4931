package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// release is the Debian whose git is built. Debian 12's is older than 2.46, with
// which git began to tell helpers that a token was rejected.
const release = "trixie"

// NewGit returns the directory with a git of 2.46 or later: the system's own, or one
// that is built from Debian's source package.
func (d Dir) NewGit(ctx context.Context) (string, error) {
	old, err := OldGit(ctx)
	if err != nil {
		return "", err
	}
	if !old {
		git, err := exec.LookPath("git")
		return filepath.Dir(git), err
	}
	dir, err := d.make("git-"+release, func(dir string) error { return buildGit(ctx, dir) })
	return filepath.Join(dir, "bin"), err
}

// OldGit reports whether the system's git is older than 2.46.
func OldGit(ctx context.Context) (bool, error) {
	said, err := exec.CommandContext(ctx, "git", "version").Output()
	if err != nil {
		return false, err
	}
	var major, minor int
	if _, err := fmt.Sscanf(string(said), "git version %d.%d", &major, &minor); err != nil {
		return false, fmt.Errorf("git version says %q: %w", said, err)
	}
	return major < 2 || major == 2 && minor < 46, nil
}

// buildGit fetches, builds and installs git in dir, without what only documentation,
// translations, mail and windows need. The result can be moved.
func buildGit(ctx context.Context, dir string) error {
	source := filepath.Join(dir, "source")
	if err := fetchGit(ctx, source); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(source, "git_*.orig.tar.xz"))
	if err != nil || len(archives) != 1 {
		return errors.Join(err, fmt.Errorf("apt-get fetched no source of git, but %q", archives))
	}
	cmd := exec.CommandContext(ctx, "tar", "--extract", "--file", archives[0], "--directory", source, "--strip-components", "1")
	if err := run(cmd); err != nil {
		return err
	}
	cmd = exec.CommandContext(ctx, "make", "-j2", "prefix="+dir, "RUNTIME_PREFIX=1", "CFLAGS=-O1", "NO_GETTEXT=1", "NO_TCLTK=1", "NO_PERL=1", "NO_PYTHON=1", "NO_EXPAT=1", "NO_OPENSSL=1", "NO_INSTALL_HARDLINKS=1", "INSTALL_SYMLINKS=1", "install")
	cmd.Dir = source
	if err := run(cmd); err != nil {
		return err
	}
	return os.RemoveAll(source)
}

// fetchGit downloads the source of git into dir by apt-get, from the source of this
// system's packages. It does not change the system.
func fetchGit(ctx context.Context, dir string) error {
	for _, name := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	mirror, err := mirror(ctx)
	if err != nil {
		return err
	}
	line := "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] " + mirror + " " + release + " main\n"
	if err := os.WriteFile(filepath.Join(dir, "sources.list"), []byte(line), 0o644); err != nil {
		return err
	}
	own := []string{
		"--option", "Dir::Etc::SourceList=" + filepath.Join(dir, "sources.list"), "--option", "Dir::Etc::SourceParts=-",
		"--option", "Dir::State::Lists=" + filepath.Join(dir, "lists"), "--option", "Dir::Cache=" + filepath.Join(dir, "cache"),
		"--option", "APT::Sandbox::User=root", // another user may not enter dir
	}
	for _, words := range [][]string{{"update"}, {"source", "--download-only", "git"}} {
		cmd := exec.CommandContext(ctx, "apt-get", append(own, words...)...)
		cmd.Dir = dir
		if err := run(cmd); err != nil {
			return err
		}
	}
	return nil
}

// mirror returns the package mirror of this Debian.
func mirror(ctx context.Context) (string, error) {
	said, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian", "Label: Debian").Output()
	if err != nil {
		return "", err
	}
	first, _, _ := strings.Cut(string(bytes.TrimSpace(said)), "\n")
	if first == "" {
		return "", errors.New("apt-get knows no Debian")
	}
	return first, nil
}
