//go:build !linux

package machine

import "errors"

// ForgetKeys fails: the kernel keeps no keys here.
func (m *Machine) ForgetKeys() error { return errors.New("this kernel keeps no keys") }
