//go:build !linux

package testenv

import "testing"

// InNamespace skips the test: only Linux has namespaces.
func InNamespace(t *testing.T, _ ...string) bool {
	t.Skip("needs the namespaces of Linux")
	return false
}
