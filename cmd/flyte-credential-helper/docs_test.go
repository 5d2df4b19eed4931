package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The documents quote messages as the program prints them: headings of the page on
// troubleshooting, and tables. An ellipsis stands for a value.
func TestQuotedMessages(t *testing.T) {
	source := programText(t)
	quoted := regexp.MustCompile("(?m)^(?:## `([^`]+)`|\\| `([^`]*…[^`]*)`)")
	value := regexp.MustCompile(`…|\d+`)
	found := 0
	for _, page := range []string{"troubleshooting.md", "flyte.md", "git.md", "kubernetes.md", "docker.md", "environments.md"} {
		text, err := os.ReadFile("../../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range quoted.FindAllStringSubmatch(string(text), -1) {
			message := m[1] + m[2]
			if strings.HasPrefix(message, "exec plugin") || strings.HasPrefix(message, "plugin path") { // kubectl's messages
				continue
			}
			for _, part := range value.Split(message, -1) {
				found++
				if !strings.Contains(source, strings.TrimSpace(part)) {
					t.Errorf("%s quotes the message %q, but no message contains %q", page, message, part)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no message was found")
	}
}

// programText returns the source of the program without tests.
func programText(t *testing.T) string {
	var b strings.Builder
	for _, dir := range []string{"internal", "../../pkg"} {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			b.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}
