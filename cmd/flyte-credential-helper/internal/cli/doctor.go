package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/caller"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/doctor"
)

// doctorCommand returns the doctor command. It works without a network and with a broken
// configuration.
func (a *app) doctorCommand() *cobra.Command {
	c := a.userCommand("doctor", "Find out why a caller gets no token, or one that its server rejects")
	c.Use += " [CALLER] [HOST|URL]"
	c.Args = cobra.ArbitraryArgs
	c.Example = "doctor kubernetes"
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, words []string) error {
		s, err := a.subject(words)
		if err != nil {
			return err
		}
		findings := doctor.Examine(cmd.Context(), s)
		if err := a.print(doctor.Text(findings), findings, *asJSON); err != nil {
			return exit(fail(a.env, err))
		}
		if doctor.Failed(findings) {
			return exit(exitFailed)
		}
		return nil
	}
	return c
}

// subject returns what the command line wants to be examined: a caller, a host, both or
// everything.
func (a *app) subject(words []string) (doctor.Subject, error) {
	s := doctor.Subject{Env: a.env, Version: a.release.line(), Hint: hintOf}
	help, readsFlyte := config.Command(config.Program, "doctor", "--help"), true
	if len(words) > 0 {
		if row, found := a.caller(words[0]); found {
			s.Caller, readsFlyte, words = row.Name, row.ReadsFlyte, words[1:]
		}
	}
	switch {
	case len(words) == 1 && strings.ContainsAny(words[0], ".:"):
		s.Address = words[0]
	case len(words) > 1 || s.Caller != "" && len(words) > 0:
		return s, config.Errorf(help, "doctor takes a caller and a host or URL, not the word %s", config.Shown(words[len(words)-1:]))
	case len(words) > 0:
		names := a.callerNames()
		return s, config.Errorf(help, "%s is neither a caller (%s) nor a host%s", config.Shown(words), strings.Join(names, ", "), config.Suggestion(words[0], names))
	}
	s.Input = input(a.env, a.flags.CommandLine(), readsFlyte)
	s.Input.Cluster = caller.Cluster(a.env.Getenv(caller.ExecInfo))
	s.Input.TolerateBadConfig = true
	return s, nil
}

// caller finds a caller by the name of its command or of its setup, or by that of a program that
// runs it.
func (a *app) caller(name string) (callerRow, bool) {
	i := slices.IndexFunc(a.callers, func(c callerRow) bool {
		return slices.Contains(c.names(), name) || slices.Contains(c.Aliases, name) || slices.Contains(c.tools, name)
	})
	if i < 0 {
		return callerRow{}, false
	}
	return a.callers[i], true
}

// callerNames lists the callers as doctor takes them.
func (a *app) callerNames() (names []string) {
	for _, c := range a.callers {
		names = append(names, c.names()...)
	}
	return names
}

// hintOf returns the hint for an error.
func hintOf(err error) config.Hint {
	_, hint := classify(err)
	return hint
}
