//go:build !unix

package flyte

import "os"

func openFile(path string) (*os.File, error) { return os.Open(path) }
