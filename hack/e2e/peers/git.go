package peers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// WindowsGit returns the directory with a git.exe, which is built from a source package. Its
// system file is ../../etc/gitconfig, as in Git for Windows. It needs sh.exe on PATH.
func (d Dir) WindowsGit(ctx context.Context) (string, error) {
	dir, err := d.make("git-windows", func(dir string) error { return buildWindowsGit(ctx, dir) })
	return filepath.Join(dir, "mingw64", "bin"), err
}

// without are the parts of git that are not built: what only documentation, translations,
// mail and windows need.
var without = []string{"CFLAGS=-O1", "NO_GETTEXT=1", "NO_TCLTK=1", "NO_PERL=1", "NO_PYTHON=1", "NO_EXPAT=1", "NO_OPENSSL=1"}

// buildGit builds and installs git in dir. The result can be moved.
func buildGit(ctx context.Context, dir string) error {
	source, err := unpackGit(ctx, dir)
	if err != nil {
		return err
	}
	if err := makeGit(ctx, source, "prefix="+dir, "RUNTIME_PREFIX=1", "NO_INSTALL_HARDLINKS=1", "INSTALL_SYMLINKS=1", "install"); err != nil {
		return err
	}
	return os.RemoveAll(source)
}

// buildWindowsGit builds git.exe with MinGW-w64 in dir. It does not connect to servers. The
// precompiled header, of which the headers of Windows are most, saves more than half of the
// time.
func buildWindowsGit(ctx context.Context, dir string) error {
	source, err := unpackGit(ctx, dir)
	if err != nil {
		return err
	}
	const target = "x86_64-w64-mingw32-"
	windows := []string{
		"uname_S=MINGW", "uname_R=3", "MSYSTEM=MINGW64", "prefix=/mingw64", "CC=" + target + "gcc", "AR=" + target + "ar", "RC=" + target + "windres -O coff",
		"LDFLAGS=-static -s", "NO_CURL=1", "NO_ICONV=1", "HAVE_LIBCHARSET_H=", "USE_LIBPCRE=", "USE_NED_ALLOCATOR=",
	}
	const header = "git-compat-util.h"
	for _, goals := range [][]string{{"--eval=" + header + ".gch: ; $(CC) -x c-header $(ALL_CFLAGS) -o $@ " + header, header + ".gch"}, {"git.exe"}} {
		if err := makeGit(ctx, source, slices.Concat(windows, goals)...); err != nil {
			return err
		}
	}
	bin := filepath.Join(dir, "mingw64", "bin")
	return errors.Join(os.MkdirAll(bin, 0o755), os.Rename(filepath.Join(source, "git.exe"), filepath.Join(bin, "git.exe")), os.RemoveAll(source))
}

func makeGit(ctx context.Context, source string, args ...string) error {
	cmd := exec.CommandContext(ctx, "make", slices.Concat([]string{"-j2"}, without, args)...)
	cmd.Dir = source
	return run(cmd)
}

// unpackGit downloads the source of git and returns its directory, in dir.
func unpackGit(ctx context.Context, dir string) (source string, err error) {
	source = filepath.Join(dir, "source")
	if err := fetchGit(ctx, source); err != nil {
		return "", err
	}
	archives, err := filepath.Glob(filepath.Join(source, "git_*.orig.tar.xz"))
	if err != nil || len(archives) != 1 {
		return "", errors.Join(err, fmt.Errorf("apt-get fetched no source of git, but %q", archives))
	}
	return source, run(exec.CommandContext(ctx, "tar", "--extract", "--file", archives[0], "--directory", source, "--strip-components", "1"))
}

// fetchGit downloads the source of git into dir by apt-get, from the source of this
// system's packages. It does not change the system.
func fetchGit(ctx context.Context, dir string) error {
	for _, name := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	line, err := sourceList(ctx)
	if err != nil {
		return err
	}
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

// sourceList is the line for apt-get that names the source packages of Debian's release, or of
// this Ubuntu, at the mirror of this system.
func sourceList(ctx context.Context) (string, error) {
	for _, system := range []string{"Debian", "Ubuntu"} {
		said, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Created-By: Packages", "Origin: "+system, "Label: "+system).Output()
		if err != nil {
			return "", err
		}
		first, _, _ := strings.Cut(string(said), "\n")
		mirror, codename, found := strings.Cut(first, " ")
		if !found {
			continue
		}
		if system == "Debian" {
			codename = release
		}
		return fmt.Sprintf("deb-src [signed-by=/usr/share/keyrings/%s-archive-keyring.gpg] %s %s main\n", strings.ToLower(system), mirror, codename), nil
	}
	return "", errors.New("apt-get knows neither Debian nor Ubuntu")
}
