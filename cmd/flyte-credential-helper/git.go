package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// git answers git. It knows no error but to be told to quit, and reads no status.
func git(ctx context.Context, d *desk) int {
	switch d.word(0) {
	case "capability":
		return d.write([]byte(execcred.GitCapabilities))
	case "get", "store", "erase":
		return gitRequest(ctx, d)
	}
	return exitOK // an operation that git will have one day
}

func gitRequest(ctx context.Context, d *desk) int {
	text, err := d.request()
	if err != nil {
		return failed(d.world, err, "")
	}
	r, err := execcred.DecodeGit(text)
	if err != nil || d.word(0) == "store" {
		return exitOK
	}
	c, how, ok, err := d.open(r.Host, r.Username, nil)
	if err != nil {
		return failed(d.world, err, "")
	}
	if !ok {
		return exitOK
	}
	defer c.close()
	if d.word(0) == "erase" {
		c.never = neverLogsIn("git credential erase")
		c.drop(ctx, r.Given)
		return exitOK
	}
	c.never = func() string { return c.gitForbids(ctx) }
	document, err := c.gitAnswer(ctx, r, how)
	if err != nil {
		d.write([]byte(execcred.GitQuit))
		return failed(d.world, err, c.loginCommand())
	}
	return d.write(document)
}

// gitAnswer gets the token for git, another one where the server refused the last.
func (c *call) gitAnswer(ctx context.Context, r *execcred.GitRequest, how served) ([]byte, error) {
	source, err := c.hostSource()
	if err != nil {
		return nil, err
	}
	source.Rejected = func(o oauth.Credential) bool { return r.Refused(execcred.Credential{Token: o.Value.Reveal()}) }
	t, credential, err := c.credential(ctx, source)
	if err != nil {
		return nil, err
	}
	answer := c.safely(credential)
	if r.Refused(answer) {
		c.note("%s refuses a token that is %s old: have you no permission?", r.Host, c.now().Sub(t.Renewed).Round(time.Second))
	}
	return r.Encode(answer, how.scheme, how.username)
}

// drop renews the login's token if it is the one that a server has refused. The
// login stays: only its own server can end it. Another token, or none, is for who
// needs one.
func (c *call) drop(ctx context.Context, refused func(execcred.Credential) bool) {
	if err := c.renewRefused(ctx, func(o oauth.Credential) bool { return refused(execcred.Credential{Token: o.Value.Reveal()}) }); err != nil {
		c.log.Info("the token that was refused is not renewed", "reason", err)
	}
}

func (c *call) renewRefused(ctx context.Context, refused func(oauth.Credential) bool) error {
	source, err := c.hostSource()
	if err != nil {
		return err
	}
	t, err := source.Store.Load(ctx)
	if err != nil || t == nil || !refused(t.Credential(source.Kind)) {
		return err
	}
	source.Rejected = refused
	_, err = source.Token(ctx)
	return err
}

// gitForbids says where git's user wants no questions.
func (c *call) gitForbids(ctx context.Context) string {
	for _, name := range []string{"GIT_TERMINAL_PROMPT", "GCM_INTERACTIVE"} {
		if value := c.getenv(name); isFalse(value) || strings.EqualFold(value, "never") {
			return fmt.Sprintf("%s is %s", name, value)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	value, err := exec.CommandContext(ctx, "git", "config", "--get", "credential.interactive").Output()
	if word := strings.TrimSpace(string(value)); err == nil && (isFalse(word) || strings.EqualFold(word, "never")) {
		return "git's credential.interactive is " + word
	}
	return ""
}
