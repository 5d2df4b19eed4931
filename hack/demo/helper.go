package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

const name = "flyte-credential-helper"

// command is exec.CommandContext for a program that is asked to end before it
// is made to, so that it can tidy up.
func command(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Cancel = func() error {
		if cmd.Process.Signal(os.Interrupt) == nil {
			return nil
		}
		return cmd.Process.Kill() // Windows sends no interrupt
	}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// helper runs the program, away from the terminal: the login there shows its
// address, and the demo has a browser for it.
func (d *demo) helper(ctx context.Context, word string) (answer, said string, err error) {
	cmd := command(ctx, d.program, d.arguments(word)...)
	cmd.Env = d.env
	testenv.OwnSession(cmd)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", "", fmt.Errorf("%s %s: %w: %s", name, word, err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), stderr.String(), nil
}

func (d *demo) arguments(word string) []string { return append([]string{word}, d.flags...) }

// show runs the program and prints the command line and the answer as they
// would stand at a terminal.
func (d *demo) show(ctx context.Context, word string) error {
	d.say("$ %s %s …", name, word)
	return d.reveal(d.helper(ctx, word))
}

// showAll is show with every flag. One such line is enough.
func (d *demo) showAll(ctx context.Context, word string) error {
	d.say("$ %s %s \\", name, word)
	for i := 0; i < len(d.flags); i += 2 {
		end := " \\"
		if i+2 == len(d.flags) {
			end = ""
		}
		d.say("    %s %s%s", d.flags[i], quote(d.flags[i+1]), end)
	}
	return d.reveal(d.helper(ctx, word))
}

func (d *demo) reveal(answer, said string, err error) error {
	if err == nil {
		d.say("%s", strings.TrimSuffix(said+answer, "\n"))
	}
	return err
}

// quote leaves alone what a shell leaves alone, addresses included.
func quote(word string) string {
	if strings.ContainsAny(word, " '\"\\$&?*;|<>()") {
		return shellquote.Join(word)
	}
	return word
}
