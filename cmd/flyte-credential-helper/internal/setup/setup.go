// Package setup configures other programs to ask this one, and removes that again.
package setup

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Options say how the user wants a setup to run.
type Options struct {
	DryRun bool // show what would change, and change nothing
	Yes    bool // do not ask before the change
}

// Run is one run of setup, with the settings that it sets up.
type Run struct {
	system.Env
	*config.Resolved
	options Options
	policy  login.Policy
	input   config.Input // what settings are resolved from
}

// New returns a run. Its settings were resolved from in.
func New(env system.Env, r *config.Resolved, p login.Policy, in config.Input, o Options) *Run {
	return &Run{Env: env, Resolved: r, options: o, policy: p, input: in}
}

// ErrDeclined is the user's no to what setup is going to change.
var ErrDeclined = errors.New("you said no: nothing was changed")

// UnprovenError means that a setup was made and does not work, for whatever reason.
type UnprovenError struct{ Caller, what string }

func (e *UnprovenError) Error() string {
	return "it is set up, but " + e.what + ": see above what it says"
}

func (r *Run) configPath() string { return config.ConfigPath(r.Env) }

func (r *Run) configFile() (*config.File, error) {
	return config.ReadFile(r.configPath(), r.input.ReadFile)
}

// key returns why the settings name no login, or nil.
func (r *Run) key() error {
	_, err := login.Key(r.Resolved, r.policy, r.Env)
	return err
}

// loginWords is the command that repeats this setup.
func (r *Run) loginWords(more ...string) config.Hint {
	return config.Command(append(login.Command(r.Resolved, r.policy, r.Env), more...)...)
}

// besideProfile are the flags that say something of the login besides the profile.
func (r *Run) besideProfile() (flags []string) {
	for _, name := range r.Given() {
		if name != "profile" {
			flags = append(flags, "--"+name)
		}
	}
	return flags
}

// asProfile is what this call's flags and environment say of the login.
func (r *Run) asProfile() config.Profile { return r.AsProfile(r.absolute) }

// absolute is a path as this call means it: in a profile it would start at the
// configuration's folder.
func (r *Run) absolute(name string) string {
	dir, err := r.Getwd()
	if err != nil || filepath.IsAbs(name) || name == "" {
		return name
	}
	return filepath.Join(dir, name)
}

// confirm asks the user at the terminal, unless the answer is yes already.
func (r *Run) confirm(ctx context.Context, yes bool) error {
	if yes {
		return nil
	}
	no := config.Errorf(config.Command(slices.Concat([]string{config.Program}, r.Args[1:], []string{"--yes"})...), "nothing was changed: nobody said yes")
	if !r.Terminal.Usable() {
		return no
	}
	yes, err := login.AskYesNo(ctx, r.Terminal, "\nGo on? yes or no:\n")
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return no
	case !yes:
		return ErrDeclined
	}
	return nil
}

// logIn logs in for a kind of token, unless a valid one is saved. An empty kind is the one
// that the settings say.
func (r *Run) logIn(ctx context.Context, settings *config.Resolved, kind oauth.Kind) error {
	p := r.policy
	p.Explicit, p.IgnoreBackoff, p.AcceptServers, p.Kind, p.Auto = true, true, r.options.Yes, kind, oauth.Auto
	session, err := login.Open(ctx, settings, p, r.Env)
	if err != nil {
		return err
	}
	_, _, err = session.Token(ctx, login.Rejection{})
	return err
}

// logInWithProfile logs in with the settings of a profile alone.
func (r *Run) logInWithProfile(ctx context.Context, profile string, servesHost bool, kind oauth.Kind) error {
	in := config.Input{
		CommandLine: config.NewFlags(func(string) bool { return false }).CommandLine(), Profile: profile, ServesHost: servesHost,
		Environ: r.input.Environ, Home: r.Home, ConfigPath: r.configPath(), ReadFile: r.input.ReadFile, Cluster: r.input.Cluster,
		Args: r.Args, Command: r.policy.Command,
	}
	settings, err := login.Resolve(in, r.policy, r.Env)
	if err != nil {
		return err
	}
	return r.logIn(ctx, settings, kind)
}

// command is how other programs call this one: by its name if PATH leads to it.
func (r *Run) command() string { return command(r.Env) }

func command(env system.Env) string {
	self, err := env.Executable()
	if found, e := exec.LookPath(config.Program); e == nil && err == nil && system.SameFile(found, self) {
		return config.Program
	}
	return self
}
