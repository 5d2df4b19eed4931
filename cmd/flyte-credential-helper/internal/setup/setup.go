// Package setup configures other programs to run this one, and takes that back.
//
// An integration is the setup of one program. It is a type with two methods in a file of its own:
//
//   - plan reads files and returns a [plan]: the entries that the program's files should have,
//     each as a [step], and how to log in. It returns an error for what would fail later: a
//     program that is too old or missing, a broken file, another helper in the way. It changes
//     nothing. It is called twice: before the question, and under the lock.
//   - verify runs the program as the user runs it, and compares what it got with our token.
//
// A step is an [edit.Change] whose Old is empty, with the lines that users see. [Run.run] reads
// the current value of each entry and does the rest: it shows what differs, checks that the files
// can be written, asks, logs in, takes the lock, plans again, saves the journal, writes and
// verifies. A file that does not exist needs a step by [newFile], before its entries.
//
// Undo needs no code in an integration: it takes back the changes in the journal, each if what
// setup wrote is still there. A new kind of file needs an [edit.Format], which is added to
// [formats]. For names the hosts or contexts of a change; undo takes it back with the last one.
// A change that is in the journal of another integration too is left to that one.
package setup

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Options say how the user wants a setup to run.
type Options struct {
	DryRun bool // show the changes without making them
	Print  bool // print the lines instead of writing them
	Yes    bool // do not ask for confirmation
}

// Run is one run of setup, with the settings that the other program will use.
type Run struct {
	system.Env
	*config.Resolved
	options Options
	policy  login.Policy
	input   config.Input // from which settings are resolved
}

// New returns a run. Its settings were resolved from in.
func New(env system.Env, r *config.Resolved, p login.Policy, in config.Input, o Options) *Run {
	return &Run{Env: env, Resolved: r, options: o, policy: p, input: in}
}

// integration is the setup of one program.
type integration interface {
	plan(ctx context.Context) (*plan, error)
	// verify returns what users should know of the result. A [VerifyError] means that the setup
	// does not work.
	verify(ctx context.Context, p *plan, l *session) (report string, err error)
}

// plan is what an integration wants.
type plan struct {
	summary string // one sentence: what the program will do
	steps   []step
	notes   []string // shown before the question

	context    string     // of the kubeconfig, to check; empty: none
	profile    string     // the profile to log in with; empty: the settings of this call
	accepts    bool       // the question names the servers of the login
	servesHost bool       // the profile is used for the hosts that it serves
	kind       oauth.Kind // of token; empty: what the settings say
}

// step is one change of a plan.
type step struct {
	edit.Change
	lines string // the lines that the file gets; empty: not shown
	// command makes the change, if the lines are no text of a file.
	command []string
}

// newFile is the step that makes a file if there is none. Undo removes the file if its text is
// empty again, which is what the format leaves of it without entries.
func newFile(path, empty string, hosts []string) step {
	return step{Change: edit.Change{Path: path, Kind: edit.KindFile, New: edit.Sum(empty), For: hosts}}
}

// session is the login that setup has made.
type session struct {
	*login.Session
	token      *oauth.Token
	credential oauth.Credential
}

// ErrDeclined is the user's no to the changes of a setup.
var ErrDeclined = errors.New("nothing was changed: not confirmed")

// VerifyError means that a setup was made, and that the other program does not get our token.
type VerifyError struct{ Text string }

func (e *VerifyError) Error() string { return e.Text }

// kindText is a file that is ours as a whole.
const kindText = "text"

// formats are the kinds of files that setup changes.
func formats(env system.Env) edit.Formats {
	return edit.Formats{
		kindProfile:    profileFormat{},
		kindGit:        gitFormat{env},
		kindDocker:     edit.JSON{},
		kindGoEnv:      goEnvFormat{},
		kindKubeconfig: edit.YAML{},
		kindFlyte:      flyteFormat(),
		kindText:       edit.Text{},
		edit.KindFile:  edit.File{},
		edit.KindLink:  edit.Text{},
	}
}

// configPath is the path of the user's configuration, the only one that setup changes.
func (r *Run) configPath() string { return config.ConfigPath(r.Env) }

func (r *Run) configFile() (*config.File, error) {
	return config.ReadFile(r.configPath(), r.input.ReadFile)
}

// checkSettings returns why the settings name no login, or nil.
func (r *Run) checkSettings() error {
	_, err := login.Key(r.Resolved, r.policy, r.Env)
	return err
}

// checkProfile returns an error if a caller that uses the profile in use would not get what the
// flags of this call say.
func (r *Run) checkProfile(caller string) error {
	var lost []string
	for _, name := range r.Given() {
		if name != "profile" {
			lost = append(lost, "--"+name)
		}
	}
	if r.ProfileInUse == "" || len(lost) == 0 {
		return nil
	}
	return config.Errorf(config.Edit(r.ProfileFile), "%s the profile %s, which does not have %s: write that into the profile", caller, r.ProfileInUse, strings.Join(lost, ", "))
}

// asProfile is what the flags and environment of this call say of the login.
func (r *Run) asProfile() config.Profile { return r.AsProfile(r.absolute) }

// absolute returns a path as this call means it. In a profile, a relative path starts at the
// directory of config.yaml.
func (r *Run) absolute(name string) string { return absolute(r.Env, name) }

func absolute(env system.Env, name string) string {
	dir, err := env.Getwd()
	if err != nil || filepath.IsAbs(name) || name == "" {
		return name
	}
	return filepath.Join(dir, name)
}

// repeatCommand is the command that repeats this setup with more words.
func (r *Run) repeatCommand(more ...string) config.Hint {
	return config.Command(append(login.Command(r.Resolved, r.policy, r.Env), more...)...)
}

// confirm asks the user at the terminal.
func (r *Run) confirm(ctx context.Context) error {
	no := config.Errorf(config.Command(slices.Concat([]string{config.Program}, r.Args[1:], []string{"--yes"})...), "nothing was changed: not confirmed (use --yes)")
	if !r.Terminal.Usable() {
		return no
	}
	yes, err := login.AskYesNo(ctx, r.Terminal, "\nMake these changes? [y/N]\n")
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

// logIn logs in with the settings of the plan, unless a valid login is saved. The plan's profile
// is read from the configuration as it will be.
func (r *Run) logIn(ctx context.Context, p *plan, changes []edit.Change) (*session, error) {
	settings := r.Resolved
	if p.profile != "" {
		in := r.input
		in.CommandLine, in.Profile, in.ServesHost = in.CommandLine.PerCall(), p.profile, p.servesHost
		in.Flyte, in.CreatesProfile, in.Command = nil, false, r.policy.Command
		text, err := formats(r.Env).Preview(ctx, r.configPath(), changes)
		if err != nil {
			return nil, err
		}
		in.ReadFile = func(path string) ([]byte, error) {
			if path == r.configPath() && text != nil {
				return text, nil
			}
			return r.input.ReadFile(path)
		}
		if settings, err = login.Resolve(in, r.policy, r.Env); err != nil {
			return nil, err
		}
	}
	policy := r.policy
	policy.Explicit, policy.IgnoreBackoff, policy.AcceptServers, policy.Kind, policy.Auto = true, true, r.options.Yes || p.accepts && len(changes) > 0, p.kind, oauth.Auto
	s, err := login.Open(ctx, settings, policy, r.Env)
	if err != nil {
		return nil, login.NewCallError(err, r.Resolved, policy, r.Env)
	}
	t, credential, err := s.Token(ctx, login.Rejection{})
	if err != nil { // the profile may not be written yet, so the hint repeats this call's settings
		return nil, login.NewCallError(err, r.Resolved, policy, r.Env)
	}
	return &session{s, t, credential}, nil
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

// program is the path of this program: the one on PATH, which stays when the program is updated.
func (r *Run) program() (string, error) {
	self, err := r.Executable()
	if found, e := exec.LookPath(config.Program); e == nil && err == nil && system.SameFile(found, self) {
		return r.absolute(found), nil
	}
	return self, err
}

// programLimit is how long another program may take. A kubectl of a vendor may run other programs
// first.
const programLimit = 20 * time.Second

// output runs another program as the user does, except that nothing asks the user or starts a
// login.
func output(ctx context.Context, env system.Env, stdin string, words ...string) ([]byte, error) {
	return system.Program{Words: words, Environ: config.WithoutInteraction(env), Stdin: stdin, Limit: programLimit}.Output(ctx)
}
