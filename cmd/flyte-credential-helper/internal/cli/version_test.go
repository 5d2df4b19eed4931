package cli

import (
	"runtime/debug"
	"testing"
)

func TestRecordedCommit(t *testing.T) {
	for _, test := range []struct {
		revision, modified, want string
	}{
		{"", "", ""},
		{"", "true", ""},
		{"8f3c", "false", "8f3c"},
		{"8f3c", "true", "8f3c, modified"},
	} {
		settings := []debug.BuildSetting{{Key: "vcs.modified", Value: test.modified}, {Key: "vcs.revision", Value: test.revision}}
		if got := recordedCommit(settings); got != test.want {
			t.Errorf("recordedCommit(%q, %q) = %q, want %q", test.revision, test.modified, got, test.want)
		}
	}
}
