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
type JSON struct{}

// Get implements [Format].
func (JSON) Get(_ context.Context, text []byte, key []string) (*string, error) {
	top, err := parseJSON(text)
	if err != nil {
		return nil, err
	}
	path := ""
	for _, name := range key {
		path += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name) // RFC 6901
	}
	value := top.Find(path)
	if value == nil {
		return nil, nil
	}
	value.Minimize()
	word := value.String()
	if value.Value.Kind() == '{' {
		word = "{}"
	}
	return &word, nil
}

// Set implements [Format]. It makes the objects on the way, and removes none of them. An object with
// members is neither replaced nor removed.
func (JSON) Set(_ context.Context, text []byte, key []string, value *string) ([]byte, error) {
	top, err := parseJSON(text)
	if err != nil {
		return nil, err
	}
	object, outer, step := top.Value.(*hujson.Object), LineEnd(text), "\t"
	if len(object.Members) > 0 {
		space := string(object.Members[0].Name.BeforeExtra)
		indent := strings.LastIndex(space, "\n") + 1
		outer, step = space[:indent], space[indent:]
	}
	if err := setMember(object, key, value, outer, step); err != nil {
		return nil, err
	}
	return top.Pack(), nil
}

// setMember changes a member of an object, or of an object in it. outer is the white space before
// the object's closing brace, and step is what a member has in addition.
func setMember(object *hujson.Object, key []string, value *string, outer, step string) error {
	i := slices.IndexFunc(object.Members, func(m hujson.ObjectMember) bool { return m.Name.Value.(hujson.Literal).String() == key[0] })
	if i < 0 && value == nil {
		return nil
	}
	if i < 0 {
		i = len(object.Members)
		addMember(object, key[0], outer, step)
	}
	member := &object.Members[i]
	inner, isObject := member.Value.Value.(*hujson.Object)
	switch {
	case len(key) > 1 && !isObject:
		return fmt.Errorf("%s is not an object", key[0])
	case len(key) > 1:
		return setMember(inner, key[1:], value, string(member.Name.BeforeExtra), step)
	case isObject && len(inner.Members) > 0:
		return nil
	case value != nil:
		v, err := hujson.Parse([]byte(*value))
		member.Value.Value = v.Value
		return err
	}
	object.Members = slices.Delete(object.Members, i, i+1)
	if last := len(object.Members) - 1; last < 0 {
		object.AfterExtra = nil
	} else {
		object.Members[last].Value.AfterExtra = nil // it would be followed by a comma
	}
	return nil
}

// addMember adds an empty object in the manner of the members that are there.
func addMember(object *hujson.Object, name, outer, step string) {
	before, between := hujson.Extra(outer+step), hujson.Extra(" ")
	if len(object.Members) > 0 {
		first := object.Members[0]
		before, between = first.Name.BeforeExtra, first.Value.BeforeExtra
	} else if object.AfterExtra = hujson.Extra(outer); outer == "" {
		between = nil
	}
	object.Members = append(object.Members, hujson.ObjectMember{
		Name:  hujson.Value{BeforeExtra: before, Value: hujson.String(name)},
		Value: hujson.Value{BeforeExtra: between, Value: &hujson.Object{}},
	})
}

// parseJSON reads standard JSON. An empty text is an object without members.
func parseJSON(text []byte) (hujson.Value, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		text = []byte("{}\n")
	}
	var object map[string]any
	err := json.Unmarshal(text, &object) // hujson would accept comments
	if e := (*json.SyntaxError)(nil); errors.As(err, &e) {
		return hujson.Value{}, fmt.Errorf("line %d: it is not JSON: %w", 1+bytes.Count(text[:e.Offset], []byte("\n")), err)
	}
	if err != nil || object == nil {
		return hujson.Value{}, errors.New("it is not a JSON object")
	}
	return hujson.Parse(text)
}
