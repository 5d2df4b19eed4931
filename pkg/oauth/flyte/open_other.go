//go:build !unix

package flyte

import "os"

func open(path string) (*os.File, error) { return os.Open(path) }
