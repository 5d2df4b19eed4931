package setup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
)

// dockerConfig is docker's configuration. Entries are put into it, and all else stays
// as it is, to the byte.
type dockerConfig struct {
	path string
	text []byte // nil: there is no file
}

// with returns the text with the helper for each of hosts.
func (f dockerConfig) with(hosts []string, helper string) ([]byte, error) {
	text := f.text
	if len(bytes.TrimSpace(text)) == 0 {
		text = []byte("{}\n")
	}
	for _, host := range hosts {
		now, err := f.helpers(text)
		if err != nil {
			return nil, err
		}
		switch was, found := now[host]; {
		case was == helper:
			continue
		case found:
			return nil, config.Errorf(config.Shell("${EDITOR:-vi} %s", f.path), "%s has the helper %s for %s: take that out first", f.path, was, host)
		}
		entry := fmt.Sprintf("%q: %q", host, helper)
		if now == nil {
			text = into(text, top(text), 1, `"credHelpers": {`+"\n\t\t"+entry+"\n\t}")
		} else {
			text = into(text, helpersOf(text), 2, entry)
		}
		if now, err = f.helpers(text); err != nil || now[host] != helper {
			return nil, config.Errorf(config.Hint{}, "%s cannot be changed by setup as it is written: say under credHelpers %s", f.path, entry)
		}
	}
	return text, nil
}

// without returns the text without the helpers that after has and before has not. ok is
// false where they cannot be taken out.
func (f dockerConfig) without(before, after []byte) (text []byte, ok bool) {
	was, _ := f.helpers(before) // there may have been no file
	put, err := f.helpers(after)
	if err != nil {
		return nil, false
	}
	text = f.text
	for host, helper := range put {
		now, err := f.helpers(text)
		if err != nil {
			return nil, false
		}
		if _, found := was[host]; !found && now[host] == helper {
			text = outOf(text, helpersOf(text), host)
		}
	}
	now, err := f.helpers(text)
	if err == nil && was == nil && now != nil && len(now) == 0 {
		text = outOf(text, top(text), "credHelpers")
	}
	return text, err == nil && json.Valid(text)
}

// helpers are the credHelpers that text has; nil: it has none.
func (f dockerConfig) helpers(text []byte) (map[string]string, error) {
	var all struct{ CredHelpers map[string]string }
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, config.Errorf(config.Hint{}, "%s cannot be read: %v", f.path, err)
	}
	return all.CredHelpers, nil
}

// top is where the object of text begins to have members.
func top(text []byte) int { return bytes.IndexByte(text, '{') + 1 }

// helpersOf is where credHelpers begins to have members.
func helpersOf(text []byte) int {
	d := json.NewDecoder(bytes.NewReader(text))
	_, _ = d.Token() // text is an object
	for d.More() {
		key, err := d.Token()
		if err != nil {
			break
		}
		if name, _ := key.(string); strings.EqualFold(name, "credHelpers") {
			_, _ = d.Token()
			return int(d.InputOffset())
		}
		var skipped json.RawMessage
		if d.Decode(&skipped) != nil {
			break
		}
	}
	return top(text)
}

// into puts a member at the beginning of an object, so many tabs deep.
func into(text []byte, at, depth int, member string) []byte {
	tabs := strings.Repeat("\t", depth)
	put := "\n" + tabs + member
	if rest := bytes.TrimSpace(text[at:]); rest[0] == '}' {
		put += "\n" + tabs[1:]
		text = append(text[:at:at], rest...)
		text = append(text, '\n')
	} else {
		put += ","
	}
	return append(append(text[:at:at], put...), text[at:]...)
}

// outOf takes a member out of the object whose members begin there.
func outOf(text []byte, at int, name string) []byte {
	d := json.NewDecoder(bytes.NewReader(text[at-1:]))
	_, _ = d.Token()
	for end := at; d.More(); {
		start := end
		key, _ := d.Token()
		var value json.RawMessage
		if d.Decode(&value) != nil {
			break
		}
		end = at - 1 + int(d.InputOffset())
		if key != json.Token(name) {
			continue
		}
		rest := text[end:]
		if next := bytes.TrimSpace(rest); start == at && next[0] == ',' {
			rest = rest[bytes.IndexByte(rest, ',')+1:]
		}
		return append(text[:start:start], rest...)
	}
	return text
}
