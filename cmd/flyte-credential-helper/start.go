package main

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"strings"
)

// run has a command find the token in the environment variable name. It returns the
// command's exit status, where it comes back at all.
func (c *call) run(ctx context.Context, name string, argv []string) (int, error) {
	if !isVariable(name) {
		return 0, usage("", "--env must be the name of an environment variable")
	}
	if len(argv) == 0 {
		return 0, usage(program+" run -- COMMAND", "which command is to be run?")
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return 0, usage("", "cannot run %s: %v", argv[0], errors.Unwrap(err))
	}
	source, err := c.keptSource()
	if err != nil {
		return 0, err
	}
	_, credential, err := c.credential(ctx, source)
	if err != nil {
		return 0, err
	}
	env := slices.DeleteFunc(c.environ(), func(pair string) bool { return strings.HasPrefix(pair, name+"=") })
	c.close() // the terminal is the command's now
	return become(path, argv, append(env, name+"="+credential.Value.Reveal()))
}

func isVariable(name string) bool {
	for i, c := range name {
		letter := c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
