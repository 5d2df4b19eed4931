package windows

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path"
	"strings"
)

// bazel is "test-bazel RC URI": it does what Bazel does with a .bazelrc to ask a credential
// helper for the headers of URI.
func bazel() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		for _, word := range rcWords(line) {
			value, found := strings.CutPrefix(word, "--credential_helper=")
			if !found {
				continue
			}
			if _, helper, scoped := strings.Cut(value, "="); scoped {
				value = helper
			}
			cmd := exec.Command(value, "get")
			cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(fmt.Sprintf(`{"uri":%q}`, os.Args[2])), os.Stdout, os.Stderr
			if err := cmd.Run(); err != nil {
				log.Fatal(err)
			}
			return
		}
	}
	log.Fatalf("%s names no credential helper", path.Base(os.Args[1]))
}

// rcWords splits a line as Bazel's Tokenize does (src/main/cpp/util/strings.cc): at blanks,
// with quotes, and with a backslash that takes the next character as it is.
func rcWords(line string) (words []string) {
	var word strings.Builder
	quote, started := rune(0), false
	end := func() {
		if started {
			words = append(words, word.String())
		}
		word.Reset()
		started = false
	}
	escaped := false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped, started = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, started = r, true
		case r == '#':
			end()
			return words
		case strings.ContainsRune(" \t\r\n", r):
			end()
		default:
			word.WriteRune(r)
			started = true
		}
	}
	end()
	return words
}
