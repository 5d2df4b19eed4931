package login

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
)

// Console writes what users read besides the answer.
type Console struct {
	Log   *slog.Logger
	to    io.Writer
	quiet bool
}

// NewConsole returns the console of a call. It is quiet if the caller is a program whose
// user neither sees stderr nor has asked for a log: some callers take any text on stderr
// for a failure.
func NewConsole(r *config.Resolved, p Policy, env system.Env) Console {
	c := Console{Log: NewLog(env.Stderr, r.LogLevel), to: env.Stderr, quiet: p.ForCaller && !r.IsSet("log-level") && !env.StderrTerminal()}
	if c.quiet {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// NewLog is a log of the level of that name.
func NewLog(to io.Writer, name string) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(name)) // one of a list
	return slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: level}))
}

// Note tells the user something besides the answer.
func (c Console) Note(format string, args ...any) {
	if !c.quiet {
		Note(c.to, format, args...)
	}
}

// Note writes a line for the user to a stream.
func Note(to io.Writer, format string, args ...any) {
	_, _ = io.WriteString(to, config.Program+": "+fmt.Sprintf(format, args...)+"\n")
}

// Notify shows the user how to log in: there is no terminal, and no browser opened.
func (c Console) Notify(text string) { _, _ = io.WriteString(c.to, text) }

// Resolve resolves the settings of a call, and tells the user what was not used.
func Resolve(in config.Input, p Policy, env system.Env) (*config.Resolved, error) {
	r, err := config.Resolve(in)
	if err != nil {
		return nil, err
	}
	if len(r.Warnings)+len(r.Notes) == 0 && r.LogLevel != "debug" {
		return r, nil
	}
	c := NewConsole(r, p, env)
	c.Log.Debug("settings", "server", config.MaskURL(r.Server()), "from", r.ServerFrom, "profile", r.ProfileInUse, "file", r.ProfileFile)
	for _, words := range r.Warnings {
		c.Log.Warn(words)
	}
	for _, words := range r.Notes {
		c.Log.Info(words)
	}
	return r, nil
}
