package caller

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Git returns the caller for git. Its protocol has no error message except quit, and git
// ignores the exit status: https://git-scm.com/docs/git-credential
func Git() Caller {
	return Caller{
		Name: "git", Words: "get|store|erase", Short: "git's credential helper, for hosts under serves in a profile", Example: "git get < request",
		LinkName: "git-credential-flyte", New: withoutFlags(git),
	}
}

func git(ctx context.Context, c Call) ([]byte, error) {
	operation := c.word(0)
	switch operation {
	case "capability":
		return []byte(execcred.GitCapabilities), nil
	case "get", "store", "erase":
	case "": // a user runs it
		return nil, config.Errorf(config.Command(config.Program, "setup", "git", "--help"), "git's operations are get, store, erase and capability")
	default:
		return nil, nil // an operation of a later git
	}
	text, err := execcred.ReadRequest(c.Env.Stdin)
	if err != nil {
		return nil, err
	}
	request, err := execcred.DecodeGit(text)
	if err != nil || operation == "store" {
		return nil, nil
	}
	policy := login.Policy{Forbidden: func(ctx context.Context) string { return gitForbids(ctx, c.Env) }}
	if operation == "erase" {
		policy = login.Policy{Forbidden: login.NeverLogsIn("git credential erase")}
	}
	r, err := c.serve(request.Host, request.Username, policy)
	if err != nil || r == nil {
		return nil, err
	}
	if operation == "erase" {
		r.renew(ctx, func(o oauth.Credential) bool {
			return request.HasCredential(execcred.Credential{Token: o.Value.Reveal()})
		})
		return nil, nil
	}
	document, err := gitAnswer(ctx, r, request)
	if err != nil {
		return []byte(execcred.GitQuit), err
	}
	return document, nil
}

// gitAnswer returns the token, and a new one if the server rejected the last.
func gitAnswer(ctx context.Context, r *hostRequest, request *execcred.GitRequest) ([]byte, error) {
	t, answer, err := r.token(ctx, func(o oauth.Credential) bool {
		return request.Rejected(execcred.Credential{Token: o.Value.Reveal()})
	})
	if err != nil {
		return nil, err
	}
	if request.Rejected(answer) {
		r.Note("%s rejects a token that is only %s old: check that your account has access", request.Host, r.call.Env.Now().Sub(t.Renewed).Round(time.Second))
	}
	answer.Username = r.entry.Username
	return request.Encode(answer, r.entry.Scheme)
}

// gitForbids returns which setting of git forbids prompts, or "".
func gitForbids(ctx context.Context, env system.Env) string {
	for _, name := range []string{"GIT_TERMINAL_PROMPT", "GCM_INTERACTIVE"} {
		if value := env.Getenv(name); login.IsFalse(value) || strings.EqualFold(value, "never") {
			return fmt.Sprintf("%s is %s", name, value)
		}
	}
	git := system.Program{Words: []string{"git", "config", "--get", "credential.interactive"}, Environ: env.Environ(), Limit: 5 * time.Second}
	value, err := git.Output(ctx)
	if word := strings.TrimSpace(string(value)); err == nil && (login.IsFalse(word) || strings.EqualFold(word, "never")) {
		return "git's credential.interactive is " + word
	}
	return ""
}
