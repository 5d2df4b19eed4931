package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// The documents quote messages as the program prints them: headings of the page on
// troubleshooting, and tables. An ellipsis stands for a value.
func TestQuotedMessages(t *testing.T) {
	source := programText(t)
	quoted := regexp.MustCompile("(?m)^(?:##+ `([^`]+)`|\\| `([^`]*…[^`]*)`)")
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

// The setups in the documents can be made: with --dry-run they show their change.
func TestDocumentedSetups(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	m := testenv.NewForTest(t, oauthtest.Config{})
	kubeconfig := filepath.Join(m.Dir, "kubeconfig")
	if err := os.WriteFile(kubeconfig, []byte("apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters:\n- name: k\n  cluster:\n    server: https://api.example.com\ncontexts:\n- name: c\n  context:\n    cluster: k\n    user: me\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m.Env = append(m.Env, "KUBECONFIG="+kubeconfig)
	m.Set("issuer", "")
	m.Set("client-id", "")
	setup := regexp.MustCompile(`(?m)^(?:\$ )?flyte-credential-helper (setup (?:git|docker|bazel|goauth|kubernetes) .*--issuer .*)$`)
	found := 0
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range setup.FindAllStringSubmatch(string(text), -1) {
			words, err := shellquote.Split(line[1])
			if err != nil {
				t.Errorf("%s: %s: %v", page, line[1], err)
				continue
			}
			found++
			if p := m.Run(t, append(words, "--dry-run")...); p.Status() != 0 || p.Stdout.Len() == 0 {
				t.Errorf("%s: %s: exit status %d\n%s", page, line[1], p.Status(), p.Stderr.String())
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d setups were found", found)
	}
}
