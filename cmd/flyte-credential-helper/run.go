package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
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
	w.stderr = textWriter{w.stderr}
	w.args = named(w.args)
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

// named puts the protocol first that the program's own name stands for, where it is
// called by one of its links.
func named(args []string) []string {
	name := strings.TrimSuffix(strings.ToLower(filepath.Base(args[0])), ".exe")
	if caller, found := strings.CutSuffix(name, "-credential-flyte"); found && protocols()[caller] != nil {
		return slices.Insert(slices.Clone(args), 1, caller)
	}
	return args
}

// quick answers a program that asks for a token, without the command tree that
// serves people: to build that costs more than the answer. It declines every
// command line that is not just such a command and settings.
func quick(ctx context.Context, w world) (code int, ok bool) {
	s, table, words, err := parse(w.args[1:])
	if err != nil {
		return 0, false
	}
	if len(words) == 0 && w.getenv(execInfo) != "" {
		words = []string{"kubernetes"}
	}
	if len(words) == 0 || words[0] != "token" && slices.ContainsFunc(tokenFlags(), s.has) {
		return 0, false
	}
	if serve, ok := protocols()[words[0]]; ok {
		return serve(ctx, &desk{world: w, settings: s, table: table, words: words[1:]}), true
	}
	answer, ok := answerers()[words[0]]
	if !ok || len(words) > 1 {
		return 0, false
	}
	s.ofFlyte = words[0] == "token"
	return give(ctx, w, s, table, answer), true
}

// parse reads the flags of a command line, and returns the words that are none.
func parse(args []string) (s *settings, table []setting, words []string, err error) {
	s = newSettings()
	table = s.table()
	mentioned := among(args)
	fs := flags(table, mentioned)
	if slices.ContainsFunc(tokenFlags(), mentioned) {
		s.addTokenFlags(fs)
	}
	if err := fs.Parse(args); err != nil {
		return nil, nil, nil, err
	}
	s.take(fs)
	return s, table, fs.Args(), nil
}

// give writes the answer in one piece, or nothing at all.
func give(ctx context.Context, w world, s *settings, table []setting, answer answerer) int {
	s.forProgram = true
	return with(w, s, table, func(c *call) error {
		document, err := answer(ctx, c)
		if err != nil {
			return err
		}
		return c.answer(document)
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
		login, err = c.loginCommand(), c.byFlag(err)
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
