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
	settings Settings
	set      []string // the names of those that it sets
}

// CommandLine returns what was parsed.
func (f *Flags) CommandLine() *CommandLine {
	line := &CommandLine{settings: *f.settings}
	f.VisitAll(func(flag *pflag.Flag) {
		if flag.Changed {
			line.set = append(line.set, flag.Name)
		}
	})
	return line
}

// Sets reports whether the command line sets a setting.
func (l *CommandLine) Sets(name string) bool { return slices.Contains(l.set, name) }

// PerCall is the command line without the settings that say which login it is.
func (l *CommandLine) PerCall() *CommandLine {
	line := &CommandLine{settings: l.settings}
	for _, s := range Table() {
		if s.Kind == PerCall && l.Sets(s.Name) {
			line.set = append(line.set, s.Name)
		}
	}
	return line
}

// Profile is the profile that the command line names, or empty.
func (l *CommandLine) Profile() string { return l.settings.Profile }

// LogLevel is the log level that the command line sets, or the default.
func (l *CommandLine) LogLevel() string { return l.settings.LogLevel }

// NamesServer reports whether the command line names a server.
func (l *CommandLine) NamesServer() bool {
	return slices.ContainsFunc(Table(), func(s Setting) bool { return s.Kind == Server && l.Sets(s.Name) })
}

// OneOf is a flag's value that is one of a list.
func OneOf(p *string, list []string) pflag.Value { return oneOf{p, list} }

// Values are the values of a flag that takes one of a list, or nil.
func Values(f *pflag.Flag) []string {
	if v, ok := f.Value.(oneOf); ok {
		return v.list
	}
	return nil
}
