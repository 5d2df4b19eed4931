//go:build !linux

// Command faults breaks what is around the program: see the one for Linux.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "faults: it needs /proc, strace and namespaces, which only Linux has")
	os.Exit(1)
}
