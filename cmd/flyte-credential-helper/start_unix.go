//go:build unix

package main

import (
	"fmt"
	"syscall"
)

// become has another program take this process, with its terminal, its signals and
// its exit status. It returns only if that fails.
func become(path string, argv, env []string) (int, error) {
	return 0, fmt.Errorf("cannot run %s: %w", argv[0], syscall.Exec(path, argv, env))
}
