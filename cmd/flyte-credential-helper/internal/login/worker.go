package login

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// The commands, not for users, that start the process that redeems a refresh token or a
// code, and the one that refreshes before a call has to wait.
const (
	RedeemCommand  = "spend"
	RefreshCommand = "renew-ahead"
)

// work is what a worker process reads on fd 0. It reads nothing else: no flag, no variable
// and no configuration file.
type work struct {
	Target   Target        `json:"target"`
	Kind     oauth.Kind    `json:"kind"`
	Patience time.Duration `json:"patience"` // how long to wait for another process
	// Request is what [cache.Source.Serve] reads; empty for a refresh ahead.
	Request json.RawMessage `json:"request,omitempty"`
}

// workers starts worker processes for a target, apart from our terminal and process group.
type workers struct {
	executable func() (string, error)
	environ    []string  // without secrets
	log        io.Writer // of a worker that its caller waits for; nil: none
	work       func() (work, error)
}

func (s *Session) workers() *workers {
	w := &workers{executable: s.env.Executable, environ: childEnviron(s.settings, s.env), work: func() (work, error) {
		c, err := s.connect()
		if err != nil {
			return work{}, err
		}
		return work{Target: *c.target, Kind: s.source.Kind(), Patience: Patience(s.settings, s.policy)}, nil
	}}
	if s.Log.Enabled(context.Background(), slog.LevelDebug) {
		w.log = s.env.Stderr
	}
	return w
}

// delegate runs a process that redeems, which continues when we, our terminal or our
// process group end.
func (w *workers) delegate(ctx context.Context, request []byte) ([]byte, error) {
	var answer bytes.Buffer
	cmd, input, err := w.command(RedeemCommand, request)
	if err != nil {
		return nil, err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &answer, w.log
	if cmd.Start() != nil {
		return nil, cache.ErrNoWorker
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the answer tells how it ended
		close(ended)
	}()
	select {
	case <-ended:
		return answer.Bytes(), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// command is a worker process and its input.
func (w *workers) command(command string, request []byte) (cmd *exec.Cmd, input []byte, err error) {
	self, err := w.executable()
	if err != nil {
		return nil, nil, cache.ErrNoWorker
	}
	work, err := w.work()
	if err != nil {
		return nil, nil, err
	}
	work.Request = request
	if input, err = json.Marshal(work); err != nil {
		return nil, nil, err
	}
	cmd = exec.Command(self, command)
	cmd.Args[0] = config.Program
	cmd.Env = w.environ
	system.CloseOnExec()
	system.Detach(cmd)
	return cmd, input, nil
}

// startRefresh starts the process that refreshes the token before a call has to wait for
// it.
func (s *Session) startRefresh() {
	if !system.ReapsOrphans() {
		return
	}
	cmd, input, err := s.workers().command(RefreshCommand, nil)
	if err == nil {
		err = startDetached(cmd, input)
	}
	if err != nil {
		s.Log.Debug("cannot refresh the token ahead", "reason", err)
	}
}

// startDetached starts cmd and gives it its whole input, so that it needs us no longer.
func startDetached(cmd *exec.Cmd, input []byte) error {
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdin = in
	err = cmd.Start()
	_ = in.Close()
	if err == nil {
		_, err = out.Write(input)
	}
	return errors.Join(err, out.Close())
}

// ServeWork is a worker process: it does the work that stdin describes. The signals that
// end its caller do not end it.
func ServeWork(command string, env system.Env) error {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	ctx := context.Background()
	var w work
	if err := json.NewDecoder(env.Stdin).Decode(&w); err != nil {
		return errors.New("this command is not for users: the request cannot be read")
	}
	source, err := w.source(env)
	if err != nil {
		return err
	}
	if command == RefreshCommand {
		return source.RefreshAhead(ctx)
	}
	return source.Serve(ctx, bytes.NewReader(w.Request), env.Stdout)
}

// source is the source of the work's target. It asks no user anything.
func (w *work) source(env system.Env) (*cache.Source, error) {
	t := &w.Target
	log := NewLog(env.Stderr, t.Settings.LogLevel) // the null device, unless the caller logs at the debug level
	c, err := newConnection(t, env.Environ(), nil, "", env, log, proxyLimit)
	if err != nil {
		return nil, err
	}
	return cache.New(t.client(clientParts{}),
		cache.WithDir(cache.Dir(t.StateDir)), cache.WithStore(cache.StoreKind(t.Settings.Store)),
		cache.WithKeyring(&cache.Keyring{Attended: func() bool { return false }, Getenv: env.Getenv}),
		cache.WithRequests(workerRequests{c}), cache.WithKind(w.Kind), cache.WithLockTimeout(w.Patience), cache.WithReuseWindow(0),
		cache.WithWorker((&workers{executable: env.Executable, environ: env.Environ(), work: func() (work, error) { return *w, nil }}).delegate),
		cache.WithFingerprint(func() string { return t.Fingerprint }), cache.WithClock(env.Now), cache.WithLogger(log),
	)
}

// workerRequests makes the requests of a worker, which never logs in.
type workerRequests struct{ *connection }

// Redeem implements [cache.Requests].
func (r workerRequests) Redeem(ctx context.Context, request *oauth.TokenRequest, old *oauth.Token, j oauth.Journal) (*oauth.Token, error) {
	return r.redeem(ctx, request, old, j)
}

// PrepareRefresh implements [cache.Requests].
func (r workerRequests) PrepareRefresh(ctx context.Context, old *oauth.Token, want oauth.Kind) (*oauth.TokenRequest, error) {
	return r.prepareRefresh(ctx, old, want)
}

// ClientCredentials implements [cache.Requests].
func (r workerRequests) ClientCredentials(ctx context.Context, old *oauth.Token) (*oauth.Token, error) {
	return r.obtain(ctx, old, refuse)
}

// PrepareLogin implements [cache.Requests].
func (workerRequests) PrepareLogin(context.Context, *oauth.Token, oauth.Kind) (oauth.PreparedLogin, error) {
	return nil, errors.New("a worker process does not log in")
}

// refuse does not follow an endpoint to another server.
func refuse(was, _ string) error {
	return &cache.LoginNeededError{Server: was, Reason: "the Flyte endpoint names another server than at the last login"}
}
