package caller

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Token returns the caller for Flyte's clients and for scripts. Flyte's clients run a command
// and read the token from its stdout.
func Token() Caller {
	return Caller{
		Name: "token", Short: "Flyte's clients and scripts: print the token", Example: "token --endpoint flyte.example.com",
		ReadsFlyte: true, OwnFlags: []string{"output", "renew-on-repeat"}, New: newToken,
	}
}

// tokenMinTTL is the minimum remaining validity of a token for callers that keep it.
const tokenMinTTL = 5 * time.Minute

// KeepsToken is the policy for callers that keep the token and show at most one line of an
// error.
func KeepsToken() login.Policy {
	return login.Policy{ForCaller: true, OneLine: true, MinTTL: tokenMinTTL, Auto: oauth.Access}
}

func newToken(fs *pflag.FlagSet) Answer {
	output, renewOnRepeat := string(execcred.FormToken), false
	forms := []string{string(execcred.FormToken), string(execcred.FormHeader), string(execcred.FormHeaderValue), string(execcred.FormJSON), string(execcred.FormEnv), string(execcred.FormCurl)}
	fs.Var(config.OneOf{Text: &output, List: forms}, "output", "print the token alone; as a header, a header value, a shell variable or a line for curl --config -; or as JSON with its expiry")
	fs.BoolVar(&renewOnRepeat, "renew-on-repeat", false, "refresh the token if the same process requests it again, because a server has rejected it. For callers that keep tokens, such as Flyte's clients")
	return func(ctx context.Context, c Call) ([]byte, error) {
		return token(ctx, c, execcred.Form(output), renewOnRepeat)
	}
}

func token(ctx context.Context, c Call, form execcred.Form, renewOnRepeat bool) ([]byte, error) {
	c.Input.Cluster = Cluster(c.Env.Getenv(ExecInfo))
	session, err := c.open(ctx, KeepsToken())
	if err != nil {
		return nil, err
	}
	issued := &issuedRecord{}
	if renewOnRepeat {
		issued = readIssued(c.Env, "token", session.ID(), string(session.Kind()))
	}
	t, credential, err := session.Token(ctx, login.Rejection{Rejected: issued.Rejected, Inferred: true})
	if err != nil {
		return nil, err
	}
	issued.Save(credential, credential.Expiry)
	if form == execcred.FormJSON {
		return execcred.EncodeTokenSet(execcred.TokenSet{
			AccessToken: t.AccessToken.Reveal(), IDToken: t.IDToken.Reveal(), Header: t.Server.HeaderKey,
			Scope: strings.Join(t.Scopes, " "), Account: t.Account, Issuer: t.Server.Issuer,
		}, t.Expiry, c.Env.Now())
	}
	return execcred.EncodeToken(form, t.Server.HeaderKey, execcred.Credential{Token: credential.Value.Reveal()})
}
