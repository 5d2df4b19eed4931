package system

// RootError does not occur on Windows.
type RootError struct{ Dir string }

func (e *RootError) Error() string { return e.Dir + " belongs to another user" }

// CheckRoot returns nil: files of an administrator inherit the access list of their folder.
func CheckRoot(string) error { return nil }

// RootHome returns an empty path.
func RootHome() string { return "" }

// RootState returns an empty path.
func RootState() string { return "" }
