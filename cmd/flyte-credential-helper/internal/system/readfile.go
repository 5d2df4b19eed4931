package system

import (
	"errors"
	"fmt"
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

// tooLarge is the error of a file of more than most bytes.
func tooLarge(most int) error { return fmt.Errorf("larger than %d KiB", most>>10) }
