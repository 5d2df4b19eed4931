//go:build !linux && !darwin

package system

// ParentID is not known: each of these systems has another way to ask when a process started.
// On Windows the parent may have ended, and another process may have its ID.
func ParentID() string { return "" }
