package system

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// hasModes reports whether the file system of f keeps owners and modes. The numbers are
// those of statfs(2).
func hasModes(f *os.File) bool {
	var s unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &s) != nil {
		return true
	}
	without := []uint32{unix.MSDOS_SUPER_MAGIC, unix.EXFAT_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.V9FS_MAGIC}
	return !slices.Contains(without, uint32(s.Type))
}
