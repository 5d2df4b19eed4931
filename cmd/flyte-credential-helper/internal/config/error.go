package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"
)

// Program is the program's name.
const Program = "flyte-credential-helper"

// Error is a command line or a configuration that cannot be used.
type Error struct {
	Problem string
	Hint    Hint
}

func (e *Error) Error() string { return e.Problem }

// Errorf returns an [Error] with a hint, which may be the zero Hint.
func Errorf(hint Hint, format string, args ...any) error {
	return &Error{Problem: fmt.Sprintf(format, args...), Hint: hint}
}

// Hint says what the user can do about an error. The zero Hint says nothing.
type Hint struct {
	Command []string // the words of a command to run
	// Alternative is another command, if the user has to decide between two.
	Alternative []string
	Shell       string // a command that only a shell understands, as it is typed
	Text        string // if there is no command
	// Inspects says that the command shows more about the error and repairs nothing.
	Inspects bool
}

// Command is a hint to run a command.
func Command(words ...string) Hint { return Hint{Command: words} }

// Inspect is a hint to run a command that shows more about the error and repairs nothing.
func Inspect(words ...string) Hint { return Hint{Command: words, Inspects: true} }

// Text is a hint in words.
func Text(format string, args ...any) Hint { return Hint{Text: fmt.Sprintf(format, args...)} }

// Shell is a hint to run a command that only a shell understands.
func Shell(format string, args ...any) Hint { return Hint{Shell: fmt.Sprintf(format, args...)} }

// Edit is a hint to change a file.
func Edit(path string) Hint { return Shell("${EDITOR:-vi} %s", shellquote.Join(path)) }

// IsCommand reports whether the hint is a command to run.
func (h Hint) IsCommand() bool { return h.Command != nil || h.Shell != "" }

// String returns the hint as it is shown. Two commands are on a line each.
func (h Hint) String() string {
	if h.Command != nil && h.Alternative != nil {
		return Shown(h.Command) + "\n" + Shown(h.Alternative)
	}
	if h.Command != nil {
		return Shown(h.Command)
	}
	return h.Shell + h.Text
}

// mask replaces the value of a header or parameter in messages. [mapValue.Set] refuses it:
// a hint with it does not work before the user has put the value in.
const mask = "…"

// isMasked reports whether the values of a setting may be secret, whatever the name in
// them is: those that are NAME=VALUE.
func isMasked(name string) bool {
	return slices.Contains([]string{"header", "auth-param", "token-param", "refresh-param"}, name)
}

// Shown is a command line for a message. It shows the names of headers and parameters
// without their values, and URLs without their user part.
func Shown(words []string) string {
	shown := slices.Clone(words)
	for i, word := range shown {
		flag, value, joined := strings.Cut(word, "=")
		name, isFlag := strings.CutPrefix(flag, "--")
		switch {
		case isFlag && joined && isMasked(name):
			shown[i] = flag + "=" + withoutValue(value)
		case i > 0 && strings.HasPrefix(words[i-1], "--") && isMasked(words[i-1][2:]):
			shown[i] = withoutValue(word)
		default:
			shown[i] = withoutUser(word)
		}
	}
	return shellquote.Join(shown...)
}

// IsShownWhole reports whether [Shown] hides nothing of a command line.
func IsShownWhole(words []string) bool { return Shown(words) == shellquote.Join(words...) }

// withoutValue masks the value of NAME=VALUE.
func withoutValue(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	return name + "=" + mask
}

// withoutUser is a word without the user part of a URL.
func withoutUser(word string) string {
	u, err := url.Parse(word)
	if err != nil || u.User == nil {
		return word
	}
	u.User = nil
	return u.String()
}
