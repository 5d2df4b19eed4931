//go:build unix && !linux

package system

import "errors"

func closeRange() error { return errors.ErrUnsupported }

func disableDump() {}
