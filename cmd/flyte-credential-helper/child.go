package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// The commands, not meant for people, by which we start the process that spends
// a refresh token or a code, and the one that renews before anybody has to wait.
const (
	spendCommand = "spend"
	aheadCommand = "renew-ahead"
	flyteFlag    = "flyte" // tells them that Flyte's configuration counts
	boundFlag    = "bound" // that a host is served
)

// child has a process of its own spend, which goes on when we, our terminal or
// our process group die. It reads the same settings, from the same places.
func (c *call) child(ctx context.Context, request []byte) ([]byte, error) {
	self, err := c.executable()
	if err != nil {
		return nil, cache.ErrNoWorker
	}
	cmd := c.own(self, spendCommand, c.flagsGiven()...)
	cmd.Stdin = bytes.NewReader(request)
	var answer bytes.Buffer
	cmd.Stdout = &answer
	if cmd.Start() != nil {
		return nil, cache.ErrNoWorker
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the answer tells how it went
		close(ended)
	}()
	select {
	case <-ended:
		return answer.Bytes(), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// own is a process of ours, apart from our terminal and process group.
func (c *call) own(self, command string, args ...string) *exec.Cmd {
	if c.ofFlyte {
		args = append(args, "--"+flyteFlag)
	}
	if c.bound {
		args = append(args, "--"+boundFlag)
	}
	cmd := exec.Command(self, append([]string{command}, args...)...)
	cmd.Args[0] = program
	cmd.Env = c.environ()
	closeOnExec()
	detach(cmd)
	return cmd
}

// ahead starts the process that renews a token of kind before anybody has to
// wait for it. It never asks a person anything.
func (c *call) ahead(kind oauth.Kind) func() {
	return func() {
		self, err := c.executable()
		if err != nil || !reaped() {
			return
		}
		args := append(c.flagsGiven(), "--interactive", "never", "--token-kind", string(kind))
		if err := c.own(self, aheadCommand, args...).Start(); err != nil {
			c.log.Debug("the token is not renewed ahead", "reason", err)
		}
	}
}

// reaped reports whether pid 1 looks after orphans. In a container whose own
// command is pid 1 they would stay as zombies, and may end with it.
func reaped() bool {
	name, err := os.ReadFile("/proc/1/comm")
	if err != nil {
		return runtime.GOOS != "linux"
	}
	return slices.Contains([]string{
		"systemd", "init", "tini", "dumb-init", "docker-init", "catatonit", "s6-svscan", "runit", "pause",
	}, strings.TrimSpace(string(name)))
}

// serve is one of these processes. The signals that end its caller do not end
// it.
func serve(w world, work func(context.Context, *call, *cache.Source) error) int {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	s := newSettings()
	table := s.table()
	fs := flags(table, every)
	fs.BoolVar(&s.ofFlyte, flyteFlag, false, "")
	fs.BoolVar(&s.bound, boundFlag, false, "")
	if fs.Parse(w.args[2:]) != nil {
		return exitUsage
	}
	s.take(fs)
	return with(w, s, table, func(c *call) error {
		source, err := c.source(oauth.Kind(c.tokenKind))
		if err != nil {
			return err
		}
		return work(context.Background(), c, source)
	})
}

func spend(w world) int {
	return serve(w, func(ctx context.Context, c *call, s *cache.Source) error { return s.Serve(ctx, c.stdin, c.stdout) })
}

func renewAhead(w world) int {
	return serve(w, func(ctx context.Context, _ *call, s *cache.Source) error { return s.RefreshAhead(ctx) })
}
