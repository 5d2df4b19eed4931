package execcredtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Changes of a kubeconfig's exec configuration.
func unchanged(*api.ExecConfig)     {}
func ifAvailable(c *api.ExecConfig) { c.InteractiveMode = api.IfAvailableExecInteractiveMode }
func always(c *api.ExecConfig)      { c.InteractiveMode = api.AlwaysExecInteractiveMode }
func withCluster(c *api.ExecConfig) { c.ProvideClusterInfo = true }

// withConfig adds an empty config for the plugin: its content depends on the plugin.
func withConfig(c *api.ExecConfig) {
	c.ProvideClusterInfo = true
	c.Config = &runtime.Unknown{ContentType: runtime.ContentTypeJSON, Raw: []byte(`{}`)}
}

// authenticates sends a client's request to an API server that accepts any token.
func authenticates(version string, change func(*api.ExecConfig)) checkFunc {
	return func(ctx context.Context, p Plugin) (string, error) {
		exec := p.ExecConfig(version)
		change(exec)
		s, err := openTestbed()
		if err != nil {
			return "", err
		}
		err = s.request(ctx, exec)
		stderr := s.close()
		switch {
		case err != nil && strings.Contains(err.Error(), "standard input is not a terminal"):
			return "", errNotTried(err.Error())
		case err != nil:
			return "", fmt.Errorf("%w (%s; %s)", err, describeRuns(s.runs()), quoteStderr(stderr))
		}
		return fmt.Sprintf("a token of %d bytes arrives (%s; %s)", len(s.server.Tokens()[0]), describeRuns(s.runs()), quoteStderr(stderr)), nil
	}
}

// expiry makes two requests, for which client-go must run the plugin once.
func expiry(ctx context.Context, p Plugin) (string, error) {
	r, err := p.answer(ctx, request(V1, ""))
	if err != nil {
		return "", err
	}
	c, _, err := read(r.stdout)
	if err != nil || c.Status == nil {
		return "", fmt.Errorf("no expiry to be read: %v", err)
	}
	until := "it has no expiry, and is kept until the API server says 401"
	if e := c.Status.ExpirationTimestamp; e != nil {
		until = fmt.Sprintf("it expires in %s", time.Until(e.Time).Round(time.Second))
	}
	s, err := openTestbed()
	if err != nil {
		return "", err
	}
	exec := p.ExecConfig(V1)
	if err = s.request(ctx, exec); err == nil {
		err = s.request(ctx, exec)
	}
	s.close()
	saw := fmt.Sprintf("%s; for 2 requests it is run %s", until, times(len(s.runs())))
	if err == nil && len(s.runs()) != 1 {
		err = errors.New(saw)
	}
	return saw, err
}

// rotation makes the server reject a token.
func rotation(ctx context.Context, p Plugin) (string, error) {
	s, err := openTestbed()
	if err != nil {
		return "", err
	}
	exec := p.ExecConfig(V1)
	s.server.Reject(1)
	refused := s.request(ctx, exec)
	runs := s.runs()
	next := s.request(ctx, exec)
	stderr := s.close()
	switch {
	case !apierrors.IsUnauthorized(refused):
		return "", fmt.Errorf("the refused request: %v; %s", refused, quoteStderr(stderr))
	case len(runs) != 2 || next != nil || strings.Contains(string(stderr), "refreshing credentials"): // client-go logs it, and keeps the old token
		return "", fmt.Errorf("after a 401: %s; the next request: %v; %s", describeRuns(runs), next, quoteStderr(stderr))
	}
	tokens := s.server.Tokens()
	other := "another token"
	if tokens[0] == tokens[1] {
		other = "the same token"
	}
	return fmt.Sprintf("401: %q (%s); the next request has %s", refused, describeRuns(runs), other), nil
}

// clientCount is the number of parallel clients: somewhat more than the number of times that
// one "kubectl get pods" runs a plugin that fails.
const clientCount = 8

// parallel makes several independent clients send requests at once.
func parallel(ctx context.Context, p Plugin) (string, error) {
	s, err := openTestbed()
	if err != nil {
		return "", err
	}
	var all sync.WaitGroup
	failed := make([]error, clientCount)
	for i := range clientCount {
		all.Go(func() { failed[i] = s.request(ctx, p.ExecConfig(V1)) })
	}
	all.Wait()
	stderr := s.close()
	failed = slices.DeleteFunc(failed, func(err error) bool { return err == nil })
	if len(failed) > 0 {
		return "", fmt.Errorf("%d of %d clients at once: %w (%s; %s)", len(failed), clientCount, failed[0], describeRuns(s.runs()), quoteStderr(stderr))
	}
	tokens := s.server.Tokens()
	slices.Sort(tokens)
	return fmt.Sprintf("%d clients at once: all get in, with %d different tokens", clientCount, len(slices.Compact(tokens))), nil
}
