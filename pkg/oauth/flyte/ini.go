package flyte

import (
	"fmt"
	"strings"
)

// ini is a file in the format of Python's configparser, which flytekit reads: its options
// by section and by name in lower case.
type ini map[string]map[string]iniValue

type iniValue struct {
	lines []string
	line  int
}

// parseINI reads text. An error names the file at path, and the line.
func parseINI(path, text string) (ini, error) {
	r := iniReader{file: ini{}}
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	for i, line := range strings.Split(text, "\n") {
		if fault := r.read(line, i+1); fault != "" {
			return nil, fmt.Errorf("%s:%d: %s", path, i+1, fault)
		}
	}
	return r.file, nil
}

type iniReader struct {
	file    ini
	section map[string]iniValue
	option  string // the last option: its value may continue on the next line
	indent  int    // the indentation of that option
}

// read parses one line and returns what is wrong with it, or "".
func (r *iniReader) read(line string, number int) (fault string) {
	text := strings.TrimSpace(line)
	if text == "" || text[0] == '#' || text[0] == ';' {
		return ""
	}
	indent := len(line) - len(strings.TrimLeft(line, " \t\f\v"))
	if r.option != "" && indent > r.indent {
		v := r.section[r.option]
		v.lines = append(v.lines, text)
		r.section[r.option] = v
		return ""
	}
	r.indent = indent
	if end := strings.IndexByte(text, ']'); text[0] == '[' && end > 1 {
		r.open(text[1:end])
		return ""
	}
	if r.section == nil {
		return "there must be a [section] first"
	}
	at := strings.IndexAny(text, "=:")
	if at < 1 {
		return "must be a [section] or name = value"
	}
	r.option = strings.ToLower(strings.TrimSpace(text[:at]))
	r.section[r.option] = iniValue{[]string{strings.TrimSpace(text[at+1:])}, number}
	return ""
}

// open makes a section the current one. A section may occur more than once.
func (r *iniReader) open(name string) {
	if r.file[name] == nil {
		r.file[name] = map[string]iniValue{}
	}
	r.section, r.option = r.file[name], ""
}

// get returns an option of a section, or of the section DEFAULT. A percent sign is written
// twice. A single one begins a reference to another option, which is not supported.
func (f ini) get(section, name string) (text string, line int, err error) {
	v, found := f[section][name]
	if !found && f[section] != nil {
		v = f["DEFAULT"][name]
	}
	text = strings.TrimSpace(strings.Join(v.lines, "\n"))
	if strings.Contains(strings.ReplaceAll(text, "%%", ""), "%") {
		return "", v.line, fmt.Errorf("%% must be written %%%%")
	}
	return strings.ReplaceAll(text, "%%", "%"), v.line, nil
}

// values returns the options of the file at path.
func (f ini) values(path string) (map[string]value, error) {
	values := map[string]value{}
	for _, option := range options() {
		section, name := v1Name(option)
		if name == "" {
			continue
		}
		text, line, err := f.get(section, name)
		where := fmt.Sprintf("%s:%d: %s", path, line, iniName(option))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		if text != "" {
			values[option] = value{text: text, name: iniName(option), location: where}
		}
	}
	return values, nil
}
