package edit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is not a regular file, or is very large, is not read.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int64{"empty": 0, "some": 100, "much": maxFile + 1} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(dir, name), size); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		".": "is a directory", "much": "is larger than 16 MiB", os.DevNull: "is not a regular file", "empty": "", "some": "", "none": "", "some/none": "not a directory",
	} {
		path := name
		if name != os.DevNull {
			path = filepath.Join(dir, name)
		}
		text, err := Read(path)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
		if exists := name == "empty" || name == "some"; (text != nil) != exists {
			t.Errorf("%s: %d bytes", name, len(text))
		}
	}
}
