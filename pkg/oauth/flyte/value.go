package flyte

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kballard/go-shellquote"
)

// value is what a file or a variable says of one option.
type value struct {
	text  string
	list  []string // of a YAML list; then there is no text
	name  string   // the option as it is called there, or the variable
	where string   // for people: the file, the line and the name, or the variable
	v2    bool     // a variable of Flyte 2, which writes lists in other ways
}

// stated reports whether the value says anything.
func (v value) stated() bool { return v.text != "" || len(v.list) > 0 }

// isTrue is Flyte's notion of a boolean: true is what is not false.
func (v value) isTrue() bool {
	switch strings.ToLower(strings.TrimSpace(v.text)) {
	case "", "false", "0", "off", "no":
		return false
	}
	return true
}

// scopes is a list of scopes. Quotes and brackets around them are remains of
// other programs' way to write lists.
func (v value) scopes() []string {
	if !v.stated() {
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

// split is a list that is written as one text.
func (v value) split() []string {
	var list []string
	if v.v2 && json.Unmarshal([]byte(v.text), &list) == nil {
		return list
	}
	return strings.Split(v.text, ",")
}

// command is a command and its arguments. The text of v1 has commas between them.
func (v value) command() ([]string, error) {
	switch {
	case !v.stated():
		return nil, nil
	case v.list != nil:
		return v.list, nil
	case !v.v2:
		return strings.Split(v.text, ","), nil
	}
	if strings.HasPrefix(strings.TrimSpace(v.text), "[") {
		var words []string
		if json.Unmarshal([]byte(v.text), &words) != nil {
			return nil, fmt.Errorf("%s must be a command line, or a JSON array of strings", v.where)
		}
		return words, nil
	}
	words, err := shellquote.Split(v.text)
	if err != nil {
		return nil, fmt.Errorf("%s must be a command: %w", v.where, err)
	}
	return words, nil
}
