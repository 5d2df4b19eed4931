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

// stage is there once in a process: client-go gives a plugin the process's own
// stderr, and counts the runs of all plugins in one place.
var stage sync.Mutex

// scene is client-go at work with plugins, their stderr and runs in sight.
type scene struct {
	server *Server
	stderr *pipe
	before *os.File // stderr
	first  int      // of the runs
	asking atomic.Int32
}

// open sets the scene. close must follow.
func open() (*scene, error) {
	stderr, err := newPipe()
	if err != nil {
		return nil, err
	}
	stage.Lock()
	s := &scene{server: NewServer(nil), stderr: stderr, before: os.Stderr, first: len(counted().runs())}
	os.Stderr = stderr.w
	return s, nil
}

// close clears the stage, and returns what was said on stderr.
func (s *scene) close() (stderr []byte) {
	os.Stderr = s.before
	stage.Unlock()
	if s.asking.Load() > 0 { // a plugin that does not end keeps what it has
		return s.stderr.soFar()
	}
	s.server.Close()
	stderr, _ = s.stderr.close()
	return stderr
}

// runs are those so far.
func (s *scene) runs() []call { return counted().runs()[s.first:] }

// ask makes a request of the API server as a client that has exec for its
// credentials. The error is in client-go's own words.
func (s *scene) ask(ctx context.Context, exec *api.ExecConfig) error {
	client, err := newClient(s.server.Config(exec)) // takes what is on the stage
	if err != nil {
		return err
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	done := make(chan error, 1)
	s.asking.Add(1)
	go func() {
		_, err := whoAmI(ctx, client)
		s.asking.Add(-1)
		done <- err
	}()
	select {
	case err := <-done:
		return words(err)
	case <-ctx.Done(): // client-go does not look at it while the plugin runs
		return context.Cause(ctx)
	}
}

// words leaves out the address, which is of no interest.
func words(err error) error {
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

// ran tells of runs in client-go's words for them.
func ran(runs []call) string {
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

// calls are all runs of plugins in this process. It is a [metrics.CallsMetric]
// before the one that the process has for itself.
type calls struct {
	next metrics.CallsMetric

	mu  sync.Mutex
	all []call
}

// counted is put in its place once, and stays: a plugin that does not end is
// counted whenever it does.
var counted = sync.OnceValue(func() *calls {
	c := &calls{next: metrics.ExecPluginCalls}
	metrics.ExecPluginCalls = c
	return c
})

func (c *calls) Increment(code int, status string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, call{code, status})
	c.next.Increment(code, status)
}

func (c *calls) runs() []call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.all)
}
