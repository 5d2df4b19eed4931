package edit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// JSON is a file with one JSON object. A key is the names of nested members, and a value is
// JSON. The value of an object is {}, because its members are entries of their own. Order,
// indentation and line ends of other members stay.
type JSON struct {
	// Ours returns the keys of the entries that can be ours.
	Ours func(text []byte) [][]string
}

// Get implements [Format].
func (JSON) Get(_ context.Context, text []byte, key []string) (*string, error) {
	top, err := parseJSON(text)
	if err != nil {
		return nil, err
	}
	value := top.Find(pointer(key))
	if value == nil {
		return nil, nil
	}
	if _, ok := value.Value.(*hujson.Object); ok {
		word := "{}"
		return &word, nil
	}
	compact := value.Clone()
	compact.Minimize()
	word := compact.String()
	return &word, nil
}

// Set implements [Format]. It makes the objects on the way, and removes none.
func (JSON) Set(_ context.Context, text []byte, key []string, value *string) ([]byte, error) {
	top, err := parseJSON(text)
	if err != nil {
		return nil, err
	}
	object, ok := top.Value.(*hujson.Object)
	if !ok {
		return nil, errors.New("it is not a JSON object")
	}
	unit := memberSpace(object, LineEnd(text)+"\t")
	for depth, name := range key[:len(key)-1] {
		i := memberOf(object, name)
		if i < 0 && value == nil {
			return text, nil
		}
		if i < 0 {
			addMember(object, name, "{}", unit, depth)
			i = len(object.Members) - 1
		}
		if object, ok = object.Members[i].Value.Value.(*hujson.Object); !ok {
			return nil, fmt.Errorf("%s is not an object", name)
		}
	}
	name := key[len(key)-1]
	i := memberOf(object, name)
	switch {
	case value == nil && i < 0:
		return text, nil
	case value == nil:
		removeMember(object, i)
	case i >= 0:
		word, err := hujson.Parse([]byte(*value))
		if err != nil {
			return nil, err
		}
		object.Members[i].Value.Value = word.Value
	default:
		addMember(object, name, *value, unit, len(key)-1)
	}
	return top.Pack(), nil
}

// Revert implements [Reverter]. An object with members is kept.
func (j JSON) Revert(ctx context.Context, text []byte, c Change) ([]byte, error) {
	now, err := j.Get(ctx, text, c.Key)
	if err != nil || now == nil || *now != c.New {
		return text, err
	}
	top, err := parseJSON(text)
	if err != nil {
		return nil, err
	}
	value := top.Find(pointer(c.Key))
	if object, ok := value.Value.(*hujson.Object); ok && len(object.Members) > 0 {
		return text, nil
	}
	return j.Set(ctx, text, c.Key, c.Old)
}

// Keys implements [Format].
func (j JSON) Keys(_ context.Context, text []byte) ([][]string, error) { return j.Ours(text), nil }

// parseJSON reads standard JSON. An empty text is an object without members.
func parseJSON(text []byte) (hujson.Value, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		text = []byte("{}\n")
	}
	var any json.RawMessage
	if err := json.Unmarshal(text, &any); err != nil { // hujson would accept comments
		line := ""
		if e := (*json.SyntaxError)(nil); errors.As(err, &e) {
			line = fmt.Sprintf("line %d: ", 1+bytes.Count(text[:e.Offset], []byte("\n")))
		}
		return hujson.Value{}, fmt.Errorf("%sit is not JSON: %w", line, err)
	}
	return hujson.Parse(text)
}

// pointer is a key as a JSON pointer (RFC 6901).
func pointer(key []string) string {
	text := ""
	for _, name := range key {
		text += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	}
	return text
}

func memberOf(object *hujson.Object, name string) int {
	for i, m := range object.Members {
		if literal, ok := m.Name.Value.(hujson.Literal); ok && literal.String() == name {
			return i
		}
	}
	return -1
}

// memberSpace returns the white space before the members of an object.
func memberSpace(object *hujson.Object, usual string) string {
	if len(object.Members) > 0 {
		return string(object.Members[0].Name.BeforeExtra)
	}
	return usual
}

// addMember adds a member in the manner of those that are there. unit is the white space before
// a member of the top.
func addMember(object *hujson.Object, name, value, unit string, depth int) {
	line, indent := "", ""
	if i := strings.LastIndexByte(unit, '\n'); i >= 0 {
		line, indent = unit[:i+1], unit[i+1:]
	}
	space := memberSpace(object, line+strings.Repeat(indent, depth+1))
	if len(object.Members) == 0 {
		object.AfterExtra = hujson.Extra(line + strings.Repeat(indent, depth))
	}
	member := hujson.ObjectMember{Name: hujson.Value{BeforeExtra: hujson.Extra(space), Value: hujson.String(name)}}
	if word, err := hujson.Parse([]byte(value)); err == nil {
		member.Value.Value = word.Value
	}
	if line != "" || len(object.Members) > 0 && len(object.Members[0].Value.BeforeExtra) > 0 {
		member.Value.BeforeExtra = hujson.Extra(" ")
	}
	object.Members = append(object.Members, member)
}

// removeMember removes a member and the white space before it.
func removeMember(object *hujson.Object, i int) {
	object.Members = slices.Delete(object.Members, i, i+1)
	if last := len(object.Members) - 1; last >= 0 {
		object.Members[last].Value.AfterExtra = nil // it would be followed by a comma
	} else {
		object.AfterExtra = nil
	}
}
