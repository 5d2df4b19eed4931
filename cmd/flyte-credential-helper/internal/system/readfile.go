package system

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// The limits of the files that are read, in bytes.
const (
	MaxConfig = 1 << 20  // configuration and certificates
	MaxSecret = 64 << 10 // client secrets and pages
)

// readTime is how long a pipe or socket may take to deliver its text.
const readTime = 2 * time.Second

var (
	errTooSlow = fmt.Errorf("no data arrived within %s: if it is a named pipe, a program must write to it", readTime)
	errDevice  = errors.New("not a file, pipe or socket")
)

// UnsafeFileError means that another user may have written a file that decides which servers are
// trusted and what is sent to them.
type UnsafeFileError struct {
	Path    string
	Problem string // follows the name in a sentence
	Mode    bool   // chmod go-w repairs it
}

func (e *UnsafeFileError) Error() string { return e.Path + " " + e.Problem }

// ReadFile reads a file, pipe or socket of most bytes at most. It refuses devices, and does not
// wait longer than 2 s.
func ReadFile(path string, most int) ([]byte, error) { return readFile(path, most, false) }

// ReadProtected is ReadFile for a file that must not be written by other users. The error is an
// [UnsafeFileError] if they can.
func ReadProtected(path string, most int) ([]byte, error) { return readFile(path, most, true) }

// readFile limits the time only for pipes and sockets, because a disk that sleeps or a network
// drive may need longer.
func readFile(path string, most int, protected bool) (text []byte, err error) {
	if info, statErr := os.Stat(path); statErr == nil && info.Mode().IsRegular() {
		text, err = readOpen(path, most, protected)
	} else {
		text, err = readInTime(path, most, protected)
	}
	var unsafe *UnsafeFileError
	if err == nil || errors.As(err, &unsafe) {
		return text, err
	}
	var step *fs.PathError // opening, or reading
	if errors.As(err, &step) {
		err = step.Err
	}
	return nil, &fs.PathError{Op: "read", Path: path, Err: err}
}

// readInTime reads in another goroutine, which may wait for the other end of a pipe until the
// process ends.
func readInTime(path string, most int, protected bool) ([]byte, error) {
	var text []byte
	var err error
	done := make(chan struct{})
	go func() {
		text, err = readOpen(path, most, protected)
		close(done)
	}()
	select {
	case <-done:
		return text, err
	case <-time.After(readTime):
		return nil, errTooSlow
	}
}

func readOpen(path string, most int, protected bool) ([]byte, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	switch kind := info.Mode().Type(); {
	case kind == fs.ModeDir:
		return nil, syscall.EISDIR
	case kind != 0 && kind != fs.ModeNamedPipe && kind != fs.ModeSocket:
		return nil, errDevice
	case protected && kind != fs.ModeSocket: // the mode of a socket says nothing
		if problem, mode := writableByOthers(f, info); problem != "" {
			return nil, &UnsafeFileError{Path: path, Problem: problem, Mode: mode}
		}
	}
	text, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err == nil && len(text) > most {
		return nil, fmt.Errorf("larger than %d KiB", most>>10)
	}
	return text, err
}
