package flyte

import (
	"fmt"
	"strings"
)

// environment is the environment by name. It tells a variable that is empty from
// one that is not set: the empty one means the default, whatever a file says.
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

// option returns what variables say of an option. Those of v1 win over those of
// Flyte 2; where they differ, note says so.
func (e environment) option(option string) (v value, found bool, note string) {
	if name := v1Variable(option); name != "" {
		if text, set := e[name]; set {
			v, found = value{text: text, name: name, where: name}, true
		}
	}
	for _, name := range v2Variables(option) {
		text, set := e[name]
		switch {
		case set && !found:
			v, found = value{text: text, name: name, where: name, v2: true}, true
		case set && text != v.text && note == "":
			note = fmt.Sprintf("%s and %s differ: %s counts", v.name, name, v.name)
		}
	}
	return v, found, note
}
