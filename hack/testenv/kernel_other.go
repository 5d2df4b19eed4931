//go:build !linux

package testenv

// ForgetKeys returns [ErrNoKey]: the kernel stores no keys.
func (m *Machine) ForgetKeys() error { return ErrNoKey }
