package main

import (
	"context"

	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
)

// bazel answers Bazel, and whoever else speaks as it does.
func bazel(ctx context.Context, d *desk) int {
	if d.word(0) != "get" {
		return failed(d.world, usage("bazel-credential-flyte get", "Bazel's only operation is get"), "")
	}
	text, err := d.request()
	if err != nil {
		return failed(d.world, err, "")
	}
	r, err := execcred.DecodeBazel(text)
	if err != nil {
		return failed(d.world, err, "")
	}
	c, _, ok, err := d.open(r.Host, "", neverLogsIn("Bazel"))
	if err != nil {
		return failed(d.world, err, "")
	}
	if !ok {
		return d.write([]byte(execcred.BazelNone))
	}
	defer c.close()
	c.wait = bazelPatience
	credential, err := c.hand(ctx)
	if err != nil {
		return failed(d.world, err, c.loginCommand())
	}
	document, err := r.Encode(credential)
	if err != nil {
		return failed(d.world, err, "")
	}
	return d.write(document)
}
