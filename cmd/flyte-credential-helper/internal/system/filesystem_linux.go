package system

import (
	"os"
	"strings"
)

// FileSystem returns the type of the file system of path, such as ext4, or "" if it is not
// known. See proc_pid_mounts(5).
func FileSystem(path string) (kind string) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return ""
	}
	longest := ""
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		at := strings.ReplaceAll(fields[1], `\040`, " ")
		inside := at == "/" || path == at || strings.HasPrefix(path, at+"/")
		if inside && len(at) >= len(longest) {
			longest, kind = at, fields[2]
		}
	}
	return kind
}
