package system

import "testing"

// The types are those that stat -f -c %t prints for file systems on which chmod does not stick.
func TestKeepsModes(t *testing.T) {
	for name, row := range map[string]struct {
		kind  uint32
		keeps bool
	}{
		"ext4": {0xef53, true}, "tmpfs": {0x01021994, true}, "overlay": {0x794c7630, true}, "xfs": {0x58465342, true}, "nfs": {0x6969, true}, "btrfs": {0x9123683e, true},
		"vfat": {0x4d44, false}, "exfat": {0x2011bab0, false}, "cifs": {0xff534d42, false}, "smb2": {0xfe534d42, false}, "9p (drvfs)": {0x01021997, false}, "fuse": {0x65735546, false}, "ntfs3": {0x7366746e, false},
	} {
		if keepsModes(row.kind) != row.keeps {
			t.Errorf("%s: %t", name, !row.keeps)
		}
	}
}
