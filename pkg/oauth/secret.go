package oauth

import (
	"fmt"
	"log/slog"
	"strings"
)

// Secret is text that must not be seen: however it is printed, logged or
// marshalled it reads REDACTED. [Secret.Reveal] is the only way to the text.
type Secret string

const redacted = "REDACTED"

// Reveal returns the text itself, for the one place that sends or seals it.
func (s Secret) Reveal() string { return string(s) }

// isPrintable reports whether s has only characters that a token may have (RFC 6750 §2.1).
func (s Secret) isPrintable() bool {
	return !strings.ContainsFunc(string(s), func(r rune) bool { return r <= ' ' || r > '~' })
}

// String implements [fmt.Stringer].
func (s Secret) String() string { return redacted }

// GoString implements [fmt.GoStringer].
func (s Secret) GoString() string { return redacted }

// Format implements [fmt.Formatter], for verbs such as %x that pass String by.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText implements [encoding.TextMarshaler], and with it JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements [slog.LogValuer].
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
