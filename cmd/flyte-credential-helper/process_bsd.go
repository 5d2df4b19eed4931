//go:build unix && !linux

package main

import "errors"

func closeRange() error { return errors.ErrUnsupported }

func undumpable() {}
