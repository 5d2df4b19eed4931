package caller

import (
	"context"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
)

// Bazel returns the caller for Bazel and other programs that use its protocol:
// https://github.com/bazelbuild/proposals/blob/main/designs/2022-06-07-bazel-credential-helpers.md
func Bazel() Caller {
	return Caller{
		Name: "bazel", Words: "get", Short: "Bazel's credential helper, for hosts under serves in a profile", Example: "bazel get < request.json",
		LinkName: "bazel-credential-flyte", New: withoutFlags(bazel),
	}
}

// bazelWait is shorter than Bazel's default timeout, after which it kills the helper without
// a message.
const bazelWait = 8 * time.Second

func bazel(ctx context.Context, c Call) ([]byte, error) {
	if c.word(0) != "get" {
		return nil, config.Errorf(config.Command("bazel-credential-flyte", "get"), "Bazel's only operation is get")
	}
	request, err := request(c, execcred.DecodeBazel)
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
	_, credential, err := r.token(ctx, nil)
	if err != nil {
		return nil, err
	}
	return request.Encode(credential)
}
