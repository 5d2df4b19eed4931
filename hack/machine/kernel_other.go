//go:build !linux

package machine

import "github.com/flyteorg/flyte-credential-helper/pkg/cache"

// ForgetKeys fails: the kernel keeps no keys here.
func (m *Machine) ForgetKeys() error { return ErrNoKey }

// ForgetKeys fails: the kernel keeps no keys here.
func ForgetKeys(cache.Dir) error { return ErrNoKey }
