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

// stderrLock is there once in a process: client-go gives a plugin the process's own
// stderr, and counts the runs of all plugins in one place.
var stderrLock sync.Mutex

// testbed is client-go at work with plugins, their stderr and runs in sight.
type testbed struct {
	server  *Server
	stderr  *pipe
	before  *os.File // stderr
	first   int      // of the runs
	pending atomic.Int32
}

// openTestbed sets the scene. close must follow.
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

// close clears the stage, and returns what was said on stderr.
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

// runs are those so far.
func (s *testbed) runs() []call { return pluginCalls().runs()[s.first:] }

// request makes a request of the API server as a client that has exec for its
// credentials. The error is in client-go's own words.
func (s *testbed) request(ctx context.Context, exec *api.ExecConfig) error {
	client, err := newClient(s.server.Config(exec)) // takes what is on the stage
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
	case <-ctx.Done(): // client-go does not look at it while the plugin runs
		return context.Cause(ctx)
	}
}

// withoutURL leaves out the address, which is of no interest.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// call is a run of the plugin, as client-go counts it.
type call struct {
	code   int
	status string
}

// describeRuns tells of runs in client-go's words for them.
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

// callCounter are all runs of plugins in this process. It is a [metrics.CallsMetric]
// before the one that the process has for itself.
type callCounter struct {
	next metrics.CallsMetric

	mu  sync.Mutex
	all []call
}

// pluginCalls is put in its place once, and stays: a plugin that does not end is
// counted whenever it does.
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
