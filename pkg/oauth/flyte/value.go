package flyte

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kballard/go-shellquote"
)

// value is the value of one option in a file or a variable.
type value struct {
	text     string
	list     []string // of a YAML list; then there is no text
	name     string   // the option as it is called there, or the variable
	location string   // for people: the file, the line and the name, or the variable
	v2       bool     // a variable of Flyte 2, which writes lists in other ways
}

// isSet reports whether the value is not empty.
func (v value) isSet() bool { return v.text != "" || len(v.list) > 0 }

// isTrue reads a boolean as Flyte does: every text is true except those below.
func (v value) isTrue() bool {
	switch strings.ToLower(strings.TrimSpace(v.text)) {
	case "", "false", "0", "off", "no":
		return false
	}
	return true
}

// scopes reads a list of scopes. It removes the quotes and brackets with which some
// programs write lists.
func (v value) scopes() []string {
	if !v.isSet() {
		return nil
	}
	items := v.list
	if items == nil {
		items = v.split()
	}
	cleaned := make([]string, len(items))
	for i, item := range items {
		cleaned[i] = strings.Trim(item, " '")
	}
	return strings.Fields(strings.Trim(strings.Join(cleaned, " "), "[]'"))
}

// split reads a list that is written as one text.
func (v value) split() []string {
	var list []string
	if v.v2 && json.Unmarshal([]byte(v.text), &list) == nil {
		return list
	}
	return strings.Split(v.text, ",")
}

// command reads a command and its arguments. In v1 they are separated by commas.
func (v value) command() ([]string, error) {
	switch {
	case !v.isSet():
		return nil, nil
	case v.list != nil:
		return v.list, nil
	case !v.v2:
		return strings.Split(v.text, ","), nil
	}
	if strings.HasPrefix(strings.TrimSpace(v.text), "[") {
		var words []string
		if json.Unmarshal([]byte(v.text), &words) != nil {
			return nil, fmt.Errorf("%s must be a command line, or a JSON array of strings", v.location)
		}
		return words, nil
	}
	words, err := shellquote.Split(v.text)
	if err != nil {
		return nil, fmt.Errorf("%s must be a command: %w", v.location, err)
	}
	return words, nil
}
