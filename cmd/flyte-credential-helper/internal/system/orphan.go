package system

import (
	"os"
	"runtime"
	"slices"
	"strings"
)

// ReapsOrphans reports whether pid 1 reaps orphaned processes. In a container whose own
// command is pid 1 they would stay as zombies, and may end with it.
func ReapsOrphans() bool {
	name, err := os.ReadFile("/proc/1/comm")
	if err != nil {
		return runtime.GOOS != "linux"
	}
	return slices.Contains([]string{
		"systemd", "init", "tini", "dumb-init", "docker-init", "catatonit", "s6-svscan", "runit", "pause",
	}, strings.TrimSpace(string(name)))
}
