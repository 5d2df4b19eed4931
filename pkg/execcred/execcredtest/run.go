package execcredtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// pluginTimeout is the time limit for a plugin. client-go has none.
const pluginTimeout = time.Minute

// withTimeout returns a context that ends with ctx or after pluginTimeout.
func withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, pluginTimeout, fmt.Errorf("the plugin has not ended after %s", pluginTimeout))
}

// run is the result of running the plugin directly, without client-go.
type run struct {
	code                   int
	stdout, stderr         []byte
	stdoutHeld, stderrHeld bool // by a process that lived on
	stdin                  []byte
}

// stdinText is on the stdin of every plugin that is run directly. The plugin must not read it.
const stdinText = "apiVersion: v1\nkind: Pod\n"

// run runs the plugin until it ends, with env added to its environment.
func (p Plugin) run(ctx context.Context, env ...string) (r run, err error) {
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	stdin, stdout, stderr, err := streams()
	if err != nil {
		return r, err
	}
	defer stdin.Close()
	cmd := exec.CommandContext(ctx, p.Command, p.Args...)
	cmd.Env = append(p.environ(), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout.w, stderr.w
	err = cmd.Run()
	r.stdout, r.stdoutHeld = stdout.close()
	r.stderr, r.stderrHeld = stderr.close()
	if ctx.Err() != nil {
		return r, context.Cause(ctx)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		r.code, err = exit.ExitCode(), nil
	}
	if err == nil {
		r.stdin, err = io.ReadAll(stdin)
	}
	return r, err
}

// streams returns a stdin that contains stdinText, and pipes for stdout and stderr.
func streams() (stdin *os.File, stdout, stderr *pipe, err error) {
	stdin, w, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, err
	}
	_, err = io.WriteString(w, stdinText)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, nil, nil, err
	}
	if stdout, err = newPipe(); err != nil {
		return nil, nil, nil, err
	}
	stderr, err = newPipe()
	return stdin, stdout, stderr, err
}

// answer runs the plugin with a request, which it must answer with status 0.
func (p Plugin) answer(ctx context.Context, info string) (run, error) {
	r, err := p.run(ctx, infoVariable+"="+info)
	if err == nil && r.code != 0 {
		err = fmt.Errorf("it failed with exit code %d; %s", r.code, quoteStderr(r.stderr))
	}
	return r, err
}

// request returns client-go's request, with more fields in its spec.
func request(version, more string) string {
	return fmt.Sprintf(`{"kind":"ExecCredential","apiVersion":%q,"spec":{%s"interactive":false}}`+"\n", version, more)
}

// quoteStderr quotes the stderr of the plugin, 300 bytes at most.
func quoteStderr(stderr []byte) string {
	if len(stderr) == 0 {
		return "stderr: nothing"
	}
	return fmt.Sprintf("stderr: %.300q", stderr)
}
