package system

import (
	"slices"

	"golang.org/x/sys/unix"
)

// hasModes reports whether the file system of fd keeps owners and modes. If that is not
// known, it does.
func hasModes(fd int) bool {
	var s unix.Statfs_t
	return unix.Fstatfs(fd, &s) != nil || keepsModes(uint32(s.Type))
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
