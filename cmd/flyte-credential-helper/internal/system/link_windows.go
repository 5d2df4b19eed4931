package system

// LinkName is the name of the file that makes the command name available on PATH.
func LinkName(name string) string { return name + ".exe" }

// LinkCommand is the command that makes path a link to the file to.
func LinkCommand(to, path string) []string { return []string{"cmd", "/c", "mklink", "/H", path, to} }
