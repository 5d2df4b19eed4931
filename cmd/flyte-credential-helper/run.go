package main

import (
	"context"
	"slices"
)

// answerer answers one of the protocols by which programs ask.
type answerer func(ctx context.Context, c *call) ([]byte, error)

// answerers are the commands that programs run. Those with a variable are meant
// without any command too, where the variable is set.
func answerers() map[string]answerer {
	return map[string]answerer{"kubernetes": kubernetes, "get-token": kubernetes, "token": token}
}

// run is the program: it returns the exit status.
func run(ctx context.Context, w world) int {
	noCore()
	if slices.Equal(w.args[1:], []string{openCommand}) {
		return openBrowser(w)
	}
	if len(w.args) > 1 && w.args[1] == spendCommand {
		return spend(w)
	}
	if len(w.args) > 1 && w.args[1] == aheadCommand {
		return renewAhead(w)
	}
	if code, ok := quick(ctx, w); ok {
		return code
	}
	return people(ctx, w)
}

// quick answers a program that asks for a token, without the command tree that
// serves people: to build that costs more than the answer. It declines every
// command line that is not just such a command and settings.
func quick(ctx context.Context, w world) (code int, ok bool) {
	s := newSettings()
	table := s.table()
	mentioned := among(w.args[1:])
	fs := flags(table, mentioned)
	if mentioned("output") {
		s.addOutput(fs)
	}
	if fs.Parse(w.args[1:]) != nil {
		return 0, false
	}
	name := fs.Arg(0)
	if fs.NArg() == 0 && w.getenv(execInfo) != "" {
		name = "kubernetes"
	}
	answer, ok := answerers()[name]
	if !ok || fs.NArg() > 1 || mentioned("output") && name != "token" {
		return 0, false
	}
	s.take(fs)
	return give(ctx, w, s, table, answer), true
}

// give writes the answer in one piece, or nothing at all.
func give(ctx context.Context, w world, s *settings, table []setting, answer answerer) int {
	return with(w, s, table, func(c *call) error {
		document, err := answer(ctx, c)
		if err != nil {
			return err
		}
		return c.write(document)
	})
}

// with runs f with the settings, and has an error become an exit status, a line
// and a hint.
func with(w world, s *settings, table []setting, f func(*call) error) int {
	login := program + " login"
	c, err := newCall(w, s, table)
	if err == nil {
		defer c.close()
		if err = f(c); err == nil {
			return exitOK
		}
		login = c.loginCommand()
	}
	return failed(w, err, login)
}

// failed reports err, and returns the exit status.
func failed(w world, err error, login string) int {
	code, hint := outcome(err, login)
	if code <= 128 {
		report(w, err, hint)
	}
	return code
}
