//go:build !linux

package cache

import (
	"errors"
	"time"
)

var errKernel = errors.New("this system's kernel has no keyring")

func kernelGet(string) ([]byte, error) { return nil, errKernel }

func kernelSet(string, []byte, time.Duration) error { return errKernel }

func kernelDelete(string) {}
