package setup

import "context"

const kindText = "text"

// textFormat is a file that is ours as a whole. Its only entry is its text.
type textFormat struct{}

// Get implements [edit.Format].
func (textFormat) Get(_ context.Context, text []byte, _ []string) (*string, error) {
	if len(text) == 0 {
		return nil, nil
	}
	value := string(text)
	return &value, nil
}

// Set implements [edit.Format].
func (textFormat) Set(_ context.Context, _ []byte, _ []string, value *string) ([]byte, error) {
	if value == nil {
		return []byte{}, nil
	}
	return []byte(*value), nil
}

// Keys implements [edit.Format].
func (textFormat) Keys(context.Context, []byte) ([][]string, error) {
	return [][]string{{"the text"}}, nil
}
