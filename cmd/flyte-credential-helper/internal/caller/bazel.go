package caller

import (
	"context"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
)

// Bazel is Bazel, and other callers of its protocol.
func Bazel() Caller {
	return Caller{
		Name: "bazel", Words: "get", Short: "Bazel: a credential helper, for the hosts that profiles serve",
		LinkName: "bazel-credential-flyte", New: without(bazel),
	}
}

// bazelWait is shorter than Bazel's own limit, at which it ends us without a message.
const bazelWait = 8 * time.Second

func bazel(ctx context.Context, c Call) ([]byte, error) {
	if c.word(0) != "get" {
		return nil, config.Errorf(config.Command("bazel-credential-flyte", "get"), "Bazel's only operation is get")
	}
	text, err := c.request()
	if err != nil {
		return nil, err
	}
	request, err := execcred.DecodeBazel(text)
	if err != nil {
		return nil, err
	}
	r, err := c.serve(request.Host, "", login.Policy{Forbidden: login.NeverLogsIn("Bazel"), RefreshWait: bazelWait})
	if err != nil {
		return nil, err
	}
	if r == nil {
		return []byte(execcred.BazelNone), nil
	}
	credential, err := r.token(ctx)
	if err != nil {
		return nil, err
	}
	return request.Encode(credential)
}
