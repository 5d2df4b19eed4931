package edit

import (
	"context"
	"crypto/sha256"
	"fmt"
)

// A Format finds and changes the entries of one kind of file. A nil text is a file that does not
// exist. Errors do not name the file.
type Format interface {
	// Get returns the value of an entry, or nil if there is none.
	Get(ctx context.Context, text []byte, key []string) (*string, error)
	// Set returns the text with another value of an entry, or without the entry if value is
	// nil. It keeps everything else.
	Set(ctx context.Context, text []byte, key []string, value *string) ([]byte, error)
}

// A Reverter is a format that can take back a change even if others have changed the entry since.
type Reverter interface {
	Revert(ctx context.Context, text []byte, c Change) ([]byte, error)
}

// Text is a file that is ours as a whole. Its only entry is its text.
type Text struct{}

// Get implements [Format].
func (Text) Get(_ context.Context, text []byte, _ []string) (*string, error) {
	if text == nil {
		return nil, nil
	}
	value := string(text)
	return &value, nil
}

// Set implements [Format].
func (Text) Set(_ context.Context, _ []byte, _ []string, value *string) ([]byte, error) {
	if value == nil {
		return []byte{}, nil
	}
	return []byte(*value), nil
}

// File is the format of [KindFile]: its only entry is the file itself, which is made with the first
// entry of another format. Its value is the [Sum] of the text.
type File struct{}

// Get implements [Format].
func (File) Get(_ context.Context, text []byte, _ []string) (*string, error) {
	if text == nil {
		return nil, nil
	}
	sum := Sum(string(text))
	return &sum, nil
}

// Set implements [Format].
func (File) Set(_ context.Context, text []byte, _ []string, value *string) ([]byte, error) {
	if value == nil {
		return nil, nil
	}
	return text, nil
}

// Sum returns the SHA-256 of a text, which stands for it in a journal.
func Sum(text string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
}
