package config

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Flags are the settings as flags of a command line. The fast path and cobra parse command
// lines with them.
type Flags struct {
	*pflag.FlagSet
	settings *Settings
}

// NewFlags makes the flags of the settings that are wanted.
func NewFlags(wanted func(name string) bool) *Flags {
	s := defaults()
	f := &Flags{FlagSet: pflag.NewFlagSet(Program, pflag.ContinueOnError), settings: &s}
	f.SortFlags = false
	f.Usage = func() {} // cobra writes the help
	for _, row := range Table() {
		if !wanted(row.Name) {
			continue
		}
		value := row.value(&s)
		flag := f.VarPF(value, row.Name, "", row.Usage)
		if _, ok := value.(boolValue); ok {
			flag.NoOptDefVal = "true"
		}
	}
	return f
}

// Every wants all settings.
func Every(string) bool { return true }

// Among wants the settings that args may set: to make a flag of each takes longer than a
// warm answer.
func Among(args []string) func(name string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(args, func(arg string) bool {
			flag, _, _ := strings.Cut(arg, "=")
			return strings.HasPrefix(flag, "--") && flag[2:] == name
		})
	}
}

// CommandLine is what a command line says of the settings.
type CommandLine struct {
	Settings Settings // with the defaults of those that it does not set
	set      []string // the names of those that it sets
}

// CommandLine returns what was parsed.
func (f *Flags) CommandLine() *CommandLine {
	line := &CommandLine{Settings: *f.settings}
	f.VisitAll(func(flag *pflag.Flag) {
		if flag.Changed { // also if cobra has parsed it
			line.set = append(line.set, flag.Name)
		}
	})
	return line
}

// Sets reports whether the command line sets a setting.
func (l *CommandLine) Sets(name string) bool { return slices.Contains(l.set, name) }

// PerCall is the command line without the settings that say which login it is.
func (l *CommandLine) PerCall() *CommandLine {
	return &CommandLine{l.Settings, slices.DeleteFunc(slices.Clone(l.set), func(name string) bool { return !is(name, PerCall) })}
}

// NamesServer reports whether the command line names a server.
func (l *CommandLine) NamesServer() bool {
	return slices.ContainsFunc(l.set, func(name string) bool { return is(name, Server) })
}

// is reports whether name is that of a setting of a kind.
func is(name string, kind Kind) bool {
	return slices.ContainsFunc(Table(), func(s Setting) bool { return s.Name == name && s.Kind == kind })
}
