package execcredtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/tools/metrics"
)

// stderrLock is held by the only testbed of the process: client-go gives a plugin the stderr
// of the process, and counts the runs of all plugins together.
var stderrLock sync.Mutex

// testbed runs plugins by client-go, and records their stderr and runs.
type testbed struct {
	server  *Server
	stderr  *pipe
	before  *os.File // stderr
	first   int      // the number of runs before this testbed
	pending atomic.Int32
}

// openTestbed replaces the stderr of the process. The caller must call close.
func openTestbed() (*testbed, error) {
	stderr, err := newPipe()
	if err != nil {
		return nil, err
	}
	stderrLock.Lock()
	s := &testbed{server: NewServer(nil), stderr: stderr, before: os.Stderr, first: len(pluginCalls().runs())}
	os.Stderr = stderr.w
	return s, nil
}

// close restores the stderr of the process and returns what plugins wrote to it.
func (s *testbed) close() (stderr []byte) {
	os.Stderr = s.before
	stderrLock.Unlock()
	if s.pending.Load() > 0 { // a plugin that does not end keeps what it has
		return s.stderr.soFar()
	}
	s.server.Close()
	stderr, _ = s.stderr.close()
	return stderr
}

// runs returns the runs of plugins so far.
func (s *testbed) runs() []call { return pluginCalls().runs()[s.first:] }

// request sends a request to the API server as a client that gets its credentials by exec.
// It returns client-go's own error.
func (s *testbed) request(ctx context.Context, exec *api.ExecConfig) error {
	client, err := newClient(s.server.Config(exec)) // it reads os.Stderr
	if err != nil {
		return err
	}
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	done := make(chan error, 1)
	s.pending.Add(1)
	go func() {
		_, err := whoAmI(ctx, client)
		s.pending.Add(-1)
		done <- err
	}()
	select {
	case err := <-done:
		return withoutURL(err)
	case <-ctx.Done(): // client-go ignores it while the plugin runs
		return context.Cause(ctx)
	}
}

// withoutURL returns the cause of err without the URL.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// call is a run of a plugin as client-go counts it.
type call struct {
	code   int
	status string
}

// describeRuns describes runs by client-go's exit codes and statuses.
func describeRuns(runs []call) string {
	if len(runs) == 0 {
		return "not run"
	}
	var each []string
	for _, c := range runs {
		each = append(each, fmt.Sprintf("exit code %d %s", c.code, c.status))
	}
	return "run " + times(len(runs)) + ": " + strings.Join(each, ", ")
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// callCounter records all runs of plugins in this process. It is a [metrics.CallsMetric]
// that also calls the one that the process had before.
type callCounter struct {
	next metrics.CallsMetric

	mu  sync.Mutex
	all []call
}

// pluginCalls installs the counter once and never removes it: a plugin that ends late is still
// counted.
var pluginCalls = sync.OnceValue(func() *callCounter {
	c := &callCounter{next: metrics.ExecPluginCalls}
	metrics.ExecPluginCalls = c
	return c
})

func (c *callCounter) Increment(code int, status string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, call{code, status})
	c.next.Increment(code, status)
}

func (c *callCounter) runs() []call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.all)
}
