package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every mutant has its one place, and a name of its own. Whether it is killed takes
// longer to find out.
func TestMutants(t *testing.T) {
	names := map[string]bool{}
	for _, m := range mutants() {
		text, err := os.ReadFile(filepath.Join("../..", m.file))
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		if n := strings.Count(string(text), m.old); n != 1 || m.old == m.new || names[m.name] {
			t.Errorf("%s: %d places in %s read %q", m.name, n, m.file, m.old)
		}
		names[m.name] = true
	}
}
