package system

import (
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// hasModes reports whether the file system of f keeps owners and modes. If that is not
// known, it does.
func hasModes(f *os.File) bool {
	var s unix.Statfs_t
	return unix.Fstatfs(int(f.Fd()), &s) != nil || keepsModes(uint32(s.Type))
}

// keepsModes reports whether a file system of this type keeps owners and modes. The numbers are
// those of statfs(2). The drives of Windows are 9p under WSL. Those of a virtual machine and many
// network drives are FUSE.
func keepsModes(kind uint32) bool {
	const ntfs, ntfs3 = 0x5346544e, 0x7366746e
	without := []uint32{
		unix.MSDOS_SUPER_MAGIC, unix.EXFAT_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC,
		unix.V9FS_MAGIC, unix.FUSE_SUPER_MAGIC, ntfs, ntfs3,
	}
	return !slices.Contains(without, kind)
}

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
