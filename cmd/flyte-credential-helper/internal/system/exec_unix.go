//go:build unix

package system

import (
	"fmt"
	"syscall"
)

// Exec replaces this process by another program, which gets its terminal, its signals and
// its exit status. It returns only if that fails.
func Exec(path string, argv, env []string) (int, error) {
	return 0, fmt.Errorf("cannot run %s: %w", argv[0], syscall.Exec(path, argv, env))
}
