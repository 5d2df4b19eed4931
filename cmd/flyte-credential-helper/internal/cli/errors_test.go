package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/setup"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

func TestOneLineIsShort(t *testing.T) {
	if got := []rune(oneLine(errors.New(strings.Repeat("ä", 12_000)))); len(got) != longestLine+1 || got[longestLine] != '…' {
		t.Errorf("%d characters", len(got))
	}
}

// Each kind of error has one exit status, and a hint that repeats the settings of the call.
func TestClassify(t *testing.T) {
	const plain = "flyte-credential-helper login --interactive always"
	refused := func(code string) *oauth.Error { return &oauth.Error{Class: oauth.ClassRefused, Code: code} }
	for _, row := range []struct {
		err    error
		args   string // of the call's command line; "none": its settings are not known
		status int
		hint   string
	}{
		{interruptError{syscall.SIGINT}, "none", 130, ""},
		{interruptError{syscall.SIGTERM}, "", 143, ""},
		{config.Errorf(config.Command("a", "b c"), "x"), "none", exitUsage, "a 'b c'"},
		{config.Errorf(config.Hint{}, "x"), "", exitUsage, ""},
		{fmt.Errorf("more: %w", &edit.ChangedError{Path: "f"}), "", exitUsage, ""},
		{fmt.Errorf("more: %w", &edit.LockedError{Lock: "f.lock"}), "", exitUsage, "ls -l f.lock"},
		{&cache.LoginNeededError{}, "", exitLogin, ""},
		{&cache.LoginNeededError{Server: "s"}, "", exitLogin, plain},
		{&login.OneLineError{Err: &cache.LoginNeededError{Server: "s"}, Command: []string{"a"}}, "", exitLogin, ""},
		{&cache.LoginNeededError{Server: "s"}, "none", exitLogin, ""},
		{&cache.StoreError{Hint: "rm x"}, "none", exitStore, "rm x"},
		{&cache.StoreError{Store: cache.StoreFile}, "", exitStore, "export FLYTE_CREDENTIAL_HELPER_STORE=file"},
		{&cache.StoreError{Store: cache.StoreFile}, "--store keyring", exitStore, "flyte-credential-helper login --store file --interactive always"},
		{&flyte.ProxyAuthRequiredError{}, "", exitRefused, plain + " --proxy-command COMMAND"},
		{&flyte.ProxyAuthRequiredError{}, "--proxy-command x", exitRefused, ""},
		{setup.ErrDeclined, "", exitRefused, ""},
		{&notRevokedError{"s", &oauth.Error{Class: oauth.ClassUnanswered}}, "", exitTemporary, ""},
		{cache.ErrBusy, "", exitTemporary, ""},
		{context.DeadlineExceeded, "none", exitTemporary, ""},
		{oauth.Temporary("x"), "", exitTemporary, ""},
		{&oauth.Error{Class: oauth.ClassLocal}, "", exitTemporary, ""},
		{&oauth.Error{Class: oauth.ClassUnanswered}, "--account me", exitTemporary, "flyte-credential-helper login --account me --interactive always"},
		{&oauth.Error{Class: oauth.ClassUntrusted}, "", exitTemporary, plain + " --ca-file FILE"},
		{&oauth.Error{Class: oauth.ClassUntrusted}, "--ca-file x", exitTemporary, "see --ca-file in: flyte-credential-helper --help"},
		{oauth.ConfigError("scope", "x"), "", exitUsage, plain + " --scope openid"},
		{oauth.ConfigError("grant", "x"), "", exitUsage, "see --grant in: flyte-credential-helper --help"},
		{&oauth.Error{Class: oauth.ClassInvalid}, "", exitFailed, ""},
		{refused("invalid_client"), "", exitRefused, "the server does not know the client, or it needs a secret: check --client-id and --client-secret-file"},
		{refused("invalid_client"), "--client-id x --client-secret-env S", exitRefused, "the server does not know the client x, or its secret is wrong: check --client-id and --client-secret-env"},
		{refused("invalid_scope"), "", exitRefused, "see --scope in: flyte-credential-helper --help"},
		{refused("access_denied"), "", exitRefused, plain},
		{&oauth.Error{Class: oauth.ClassRefused, Code: "invalid_scope", Saved: oauth.LoginDead}, "", exitRefused, plain},
		{errors.New("x"), "", exitFailed, ""},
	} {
		err := row.err
		if row.args != "none" {
			err = explain(t, err, strings.Fields(row.args))
		}
		status, hint := classify(err)
		if status != row.status || hint.String() != row.hint {
			t.Errorf("%T %v with %q: %d and %q, not %d and %q", row.err, row.err, row.args, status, hint, row.status, row.hint)
		}
	}
}

// explain is err of a call without a terminal or a display.
func explain(t *testing.T, err error, args []string) error {
	t.Helper()
	flags := config.NewFlags(config.Every)
	if e := flags.Parse(args); e != nil {
		t.Fatal(e)
	}
	env := system.Env{Getenv: func(name string) string { return map[string]string{"CI": "true"}[name] }}
	settings, e := config.Resolve(config.Input{CommandLine: flags.CommandLine(), ReadFile: func(string) ([]byte, error) { return nil, nil }})
	if e != nil {
		t.Fatal(e)
	}
	return login.Explain(err, settings, login.Policy{}, env)
}
