package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// maxFile is how much of a file is read. No token set is as large.
const maxFile = 1 << 20

// Dir is the path of the directory with the state of all logins. It is created at the
// first write. If it is not absolute, as for a user without a home directory, it has no
// files and cannot be created.
type Dir string

func (d Dir) path(name string) string { return filepath.Join(string(d), name) }

// make creates the directory, for its owner only, and refuses one that another
// user could have prepared.
func (d Dir) make() error {
	if !filepath.IsAbs(string(d)) {
		return errNoHome()
	}
	if err := makeAll(string(d)); err != nil {
		return d.unusable(err)
	}
	return d.check()
}

func errNoHome() error {
	return &StoreError{Problem: "there is no home directory to keep logins in", Hint: "export XDG_STATE_HOME=/a/directory/of/yours"}
}

// notOwnerError means that root would write into another user's directory, as under sudo -E:
// the owner could not use the files.
type notOwnerError struct{ dir string }

func (e *notOwnerError) Error() string {
	return e.dir + " belongs to another user, and root writes nothing there"
}

// rootState returns the directory of root's own state, for a hint.
func rootState() string {
	home := "/root"
	if root, err := user.LookupId("0"); err == nil {
		home = root.HomeDir
	}
	return filepath.Join(home, ".local", "state")
}

// makeAll is os.MkdirAll with modes that no umask can widen or narrow.
func makeAll(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && rootInUserDir(info):
		return &notOwnerError{path}
	case err == nil || !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := makeAll(filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Chmod(path, 0o700)
}

func (d Dir) check() error {
	info, err := os.Lstat(string(d))
	switch {
	case err != nil:
		return d.unusable(err)
	case !info.IsDir():
		return &StoreError{Problem: string(d) + " is not a directory", Hint: "rm " + quote(string(d))}
	case !ownedByUser(info):
		return &StoreError{Problem: string(d) + " belongs to another user: no login is saved there"}
	case accessibleToOthers(info.Mode()):
		if err := os.Chmod(string(d), 0o700); err != nil {
			return d.unusable(err)
		}
	}
	return nil
}

// unsuitable is the error of a file system that lacks what the store needs.
func (d Dir) unsuitable(problem string) error {
	return &StoreError{Problem: fmt.Sprintf("the file system of %s %s", d, problem), Hint: "export XDG_STATE_HOME=/a/local/directory"}
}

func (d Dir) unusable(err error) error {
	if other := (*notOwnerError)(nil); errors.As(err, &other) {
		return &StoreError{Problem: other.Error(), Hint: "export XDG_STATE_HOME=" + quote(rootState())}
	}
	switch { // drvfs and CIFS refuse chmod, some FUSE file systems fsync
	case errors.Is(err, syscall.EPERM):
		return d.unsuitable("cannot restrict files to one user")
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.ENOTSUP):
		return d.unsuitable("does not support what is needed to save files: " + reason(err))
	}
	return &StoreError{Problem: fmt.Sprintf("cannot write to %s: %s (--store none saves nothing: each call logs in)", d, reason(err)), Store: StoreNone}
}

// read returns a file's bytes, or fs.ErrNotExist. It follows no link, waits for no pipe and
// refuses files of other users.
func (d Dir) read(name string) ([]byte, error) {
	if !filepath.IsAbs(string(d)) {
		return nil, fs.ErrNotExist
	}
	f, err := openRead(d.path(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fs.ErrNotExist
	case errors.Is(err, fs.ErrPermission):
		return nil, &StoreError{Problem: fmt.Sprintf("cannot read %s: %s", d.path(name), reason(err)), Hint: "chmod 600 " + quote(d.path(name))}
	case errors.Is(err, syscall.ELOOP):
		return nil, &StoreError{Problem: d.path(name) + " is a link, not a file of this program", Hint: "rm " + quote(d.path(name))}
	case err != nil:
		return nil, &StoreError{Problem: fmt.Sprintf("cannot read %s: %s", d.path(name), reason(err))}
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, &StoreError{Problem: fmt.Sprintf("cannot read %s: %s", d.path(name), reason(err))}
	case !info.Mode().IsRegular():
		return nil, &StoreError{Problem: d.path(name) + " is not a file of this program", Hint: "rm " + quote(d.path(name))}
	case !ownedByUser(info):
		return nil, &StoreError{Problem: d.path(name) + " belongs to another user, or has a second name", Hint: fmt.Sprintf("cp -p %[1]s %[1]s.copy && mv %[1]s.copy %[1]s", quote(d.path(name)))}
	case accessibleToOthers(info.Mode()):
		return nil, &StoreError{Problem: d.path(name) + " can be read by other users", Hint: "chmod 600 " + quote(d.path(name))}
	}
	text := bytes.NewBuffer(make([]byte, 0, min(info.Size(), maxFile)+bytes.MinRead))
	_, err = text.ReadFrom(io.LimitReader(f, maxFile))
	return text.Bytes(), err
}

// The suffixes of a file that will replace another. Each is reserved for the owner of one
// lock: a worker whose caller has ended must not lose its file when the next leader checks
// for space.
const (
	preflightSuffix = ".try" // the leader's
	newSuffix       = ".new" // the worker's; of a record, the leader's
)

// replacement is a file that is ready to replace another.
type replacement struct {
	file *os.File
	to   string
}

// replace prepares to replace name. It allocates the space on the disk now, so that a full
// disk is found before anything is sent. The caller holds the lock that stage belongs to,
// so there is one such file at a time.
func (d Dir) replace(name, stage string, size int) (*replacement, error) {
	if err := d.make(); err != nil {
		return nil, err
	}
	temp := d.path(name) + stage
	_ = os.Remove(temp) // of a process that was killed
	f, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL|openFlags, 0o600)
	if err != nil {
		return nil, d.unusable(err)
	}
	r := &replacement{file: f, to: d.path(name)}
	if err := errors.Join(f.Chmod(0o600), fill(f, size), f.Sync()); err != nil {
		r.discard()
		return nil, d.unusable(err)
	}
	return r, nil
}

func fill(f *os.File, size int) error {
	_, err := f.Write(make([]byte, size))
	return err
}

// commit writes data and puts the file in its place, durably.
func (r *replacement) commit(data []byte) error {
	_, err := r.file.WriteAt(data, 0)
	if err == nil {
		err = errors.Join(r.file.Truncate(int64(len(data))), r.file.Sync())
	}
	if err = errors.Join(err, r.file.Close()); err == nil {
		err = rename(r.file.Name(), r.to)
	}
	if err != nil {
		_ = os.Remove(r.file.Name())
		return fmt.Errorf("cannot write %s: %s", r.to, reason(err))
	}
	syncDir(filepath.Dir(r.to))
	return nil
}

func (r *replacement) discard() {
	_ = r.file.Close()
	_ = os.Remove(r.file.Name())
}

// rename retries on Windows, which refuses while another process reads the old file.
func rename(from, to string) error {
	err := os.Rename(from, to)
	for i := 0; err != nil && runtime.GOOS == "windows" && i < 20; i++ {
		time.Sleep(50 * time.Millisecond)
		err = os.Rename(from, to)
	}
	return err
}

// syncDir makes a rename durable if directories can be synced.
func syncDir(path string) {
	if f, err := os.Open(path); err == nil {
		_ = f.Sync()
		_ = f.Close()
	}
}

// reason returns the cause of a file system error without the path, which the message
// has already.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// quote makes a path safe to paste into a shell.
func quote(path string) string {
	for _, r := range path {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '/' || r == '.' || r == '-' || r == '_') {
			return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
		}
	}
	return path
}
