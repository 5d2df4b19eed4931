// Package cli is the command line: the commands, one file each, --help and completion. It
// turns errors into an exit status, one line and a hint.
package cli

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/caller"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// Main runs the program and returns its exit status.
func Main(ctx context.Context, env system.Env, r Release) int {
	system.DisableCoreDumps()
	defer env.Terminal.Close()
	env.Stderr = system.TextWriter{W: env.Stderr}
	if len(env.Args) > 1 {
		switch command := env.Args[1]; command {
		case login.BrowserCommand:
			return silent(login.OpenBrowser(env.Stdin))
		case login.RedeemCommand, login.RefreshCommand:
			return silent(login.ServeWork(command, env))
		}
	}
	table := callers()
	env.Args = withCallerName(env.Args, table)
	if status, ok := answerFast(ctx, env, r, table); ok {
		return status
	}
	return runCobra(ctx, env, r, table)
}

// silent returns the exit status of an internal command. No caller reads its stderr.
func silent(err error) int {
	if err == nil {
		return exitOK
	}
	status, _ := classify(err)
	return status
}

// withCallerName inserts the caller's command if the program was started by a link whose
// name implies it, such as git-credential-flyte.
func withCallerName(args []string, table []callerRow) []string {
	name := strings.TrimSuffix(strings.ToLower(filepath.Base(args[0])), ".exe")
	for _, c := range table {
		if c.LinkName == name {
			return slices.Insert(slices.Clone(args), 1, c.Name)
		}
	}
	return args
}

// answerFast answers a caller without cobra: to build its commands takes longer than to
// return a saved token. ok is false for command lines that are not a caller's name and its
// flags.
func answerFast(ctx context.Context, env system.Env, r Release, table []callerRow) (status int, ok bool) {
	args := env.Args[1:]
	flags := config.NewFlags(config.Among(args))
	answers := make([]caller.Answer, len(table))
	for i, c := range table {
		answers[i] = c.New(flags.FlagSet)
	}
	if flags.Parse(args) != nil {
		return 0, false
	}
	words := flags.Args()
	if len(words) == 0 && env.Getenv(caller.ExecInfo) != "" {
		words = []string{"kubernetes"}
		env.Args = slices.Insert(slices.Clone(env.Args), 1, "kubernetes") // for hints
	}
	if len(words) == 0 {
		return 0, false
	}
	i := slices.IndexFunc(table, func(c callerRow) bool { return c.Name == words[0] || slices.Contains(c.Aliases, words[0]) })
	if i < 0 || table[i].Words == "" && len(words) > 1 {
		return 0, false
	}
	for j, other := range table {
		if i != j && slices.ContainsFunc(other.OwnFlags, flags.Changed) {
			return 0, false
		}
	}
	call := caller.Call{Env: env, Input: input(env, flags.CommandLine(), table[i].ReadsFlyte), Words: words[1:], Version: r.version}
	return respond(ctx, env, table[i], answers[i], call), true
}

// respond writes the answer in one piece or, if there is none, the error in the form that the
// caller reads.
func respond(ctx context.Context, env system.Env, c callerRow, answer caller.Answer, call caller.Call) int {
	document, err := answer(ctx, call)
	if err != nil && c.Failure != nil && !errors.Is(err, caller.ErrInDocument) {
		if status, hint := classify(err); status <= 128 {
			document = c.Failure(call, oneLine(err), hint)
		}
	}
	if len(document) > 0 {
		if e := env.Answer(document); e != nil && (err == nil || errors.Is(err, caller.ErrInDocument)) {
			return fail(env, e)
		}
	}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, caller.ErrInDocument):
		return exitFailed
	}
	return fail(env, err)
}

// readConfig reads a configuration file, which other users must not be able to write.
func readConfig(path string) ([]byte, error) { return system.ReadProtected(path, system.MaxConfig) }

// input returns the input from which settings are resolved.
func input(env system.Env, line *config.CommandLine, readsFlyte bool) config.Input {
	in := config.Input{
		CommandLine: line, Environ: env.Environ(), Home: env.Home, ConfigPaths: config.ConfigPaths(env), ReadFile: readConfig, Args: env.Args,
	}
	if readsFlyte {
		in.Flyte = func(endpoint string) (*flyte.Source, error) { return config.FindFlyte(env, in.Environ, endpoint) }
		in.HasLogin = func(endpoint string) bool { return login.Saved(env, endpoint) }
	}
	return in
}
