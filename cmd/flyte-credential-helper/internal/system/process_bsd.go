//go:build unix && !linux && !darwin

package system

import "errors"

func closeRange() error { return errors.ErrUnsupported }

func disableDump() {}

// ParentID is not known: each of these systems has another way to ask when a process
// started.
func ParentID() string { return "" }
