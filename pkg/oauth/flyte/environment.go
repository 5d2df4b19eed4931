package flyte

import (
	"fmt"
	"strings"
)

// environment holds the environment variables by name. An empty variable differs from one
// that is not set: it means the default, and files are ignored.
type environment map[string]string

func newEnvironment(pairs []string) environment {
	e := make(environment, len(pairs))
	for _, pair := range pairs {
		name, text, _ := strings.Cut(pair, "=")
		if _, twice := e[name]; !twice { // the first counts, as for os.Getenv
			e[name] = text
		}
	}
	return e
}

// option returns the value of an option in the variables. Those of v1 take precedence over
// those of Flyte 2. If they differ, note says so.
func (e environment) option(option string) (v value, found bool, note string) {
	if name := v1Variable(option); name != "" {
		if text, set := e[name]; set {
			v, found = value{text: text, name: name, location: name}, true
		}
	}
	for _, name := range v2Variables(option) {
		text, set := e[name]
		switch {
		case set && !found:
			v, found = value{text: text, name: name, location: name, v2: true}, true
		case set && text != v.text && note == "":
			note = fmt.Sprintf("%s and %s differ: %s is used", v.name, name, v.name)
		}
	}
	return v, found, note
}
