//go:build unix

package system

import (
	"io/fs"
	"strings"
	"testing"
)

func TestWrittenBy(t *testing.T) {
	const we, us = 1000, 1000
	for _, row := range []struct {
		what     string
		uid, gid int
		mode     fs.FileMode
		readOnly bool
		problem  string
	}{
		{"ours alone", we, us, 0o600, false, ""},
		{"readable by all", we, us, 0o644, false, ""},
		{"our group writes", we, us, 0o660, false, ""},
		{"another group writes", we, 50, 0o660, false, "the group 50"},
		{"every user writes", we, us, 0o602, false, "every user"},
		{"Docker's secret", 0, 0, 0o444, true, ""},
		{"Kubernetes' secret with fsGroup", 0, 2000, 0o440, true, ""},
		{"Kubernetes' secret", 0, 0, 0o644, true, ""},
		{"root's group writes root's file", 0, 0, 0o660, true, ""},
		{"another group writes root's file", 0, 50, 0o660, true, "the group 50"},
		{"every user writes root's file", 0, 0, 0o666, false, "every user"},
		{"another user's", 1001, us, 0o640, true, "the user 1001"},
		{"an owner outside of our user namespace", overflowUID, overflowUID, 0o444, true, ""},
		{"the same, writable by its group", overflowUID, overflowUID, 0o664, true, ""},
		{"another user's, writable", 1001, us, 0o666, false, "the user 1001"},
		{"the same, writable", overflowUID, overflowUID, 0o600, false, "the user 65534"},
	} {
		got, chmod := writtenBy(row.uid, row.gid, row.mode, func() bool { return row.readOnly }, we, us)
		if chmod != (row.mode&0o022 != 0 && got != "" && !strings.Contains(got, "user 1001")) {
			t.Errorf("%s: chmod repairs it: %t", row.what, chmod)
		}
		if (got == "") != (row.problem == "") || !strings.Contains(got, row.problem) {
			t.Errorf("%s: %q, not %q", row.what, got, row.problem)
		}
	}
}
