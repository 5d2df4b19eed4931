package desktop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// process is a program that this package has started, the leader of its own process group.
// The group is killed when its context ends, on close, and when its leader ends.
type process struct {
	*os.Process
	name   string
	done   chan struct{} // closed once the program has ended and was waited for
	stderr bytes.Buffer  // to be read after done only
}

// start starts cmd, which must come from exec.CommandContext.
func start(cmd *exec.Cmd) (*process, error) {
	p := &process{name: filepath.Base(cmd.Path), done: make(chan struct{})}
	cmd.Stderr = &p.stderr
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	cmd.WaitDelay = 5 * time.Second // should a descendant out of the group hold stderr
	ownGroup(cmd)

	started := make(chan error)
	go func() {
		// The kernel treats the end of the thread that started a child as the end of its
		// parent, so that thread must exist as long as the child runs.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		p.Process = cmd.Process
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // the error is expected: it ends by our signal
		_ = killGroup(cmd.Process)
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// close kills the process with its group and returns when it is gone.
func (p *process) close() error {
	select {
	case <-p.done:
		return nil
	default:
	}
	err := killGroup(p.Process)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	if err == nil {
		<-p.done
	}
	return err
}

// failed closes p and returns an error with cause and the last line of its stderr.
func (p *process) failed(cause error) error {
	if err := p.close(); err != nil {
		return errors.Join(cause, err)
	}
	said := strings.TrimSpace(p.stderr.String())
	if i := strings.LastIndexByte(said, '\n'); i >= 0 {
		said = said[i+1:]
	}
	if said == "" {
		return cause
	}
	return fmt.Errorf("%w (%s said: %s)", cause, p.name, said)
}

// poll calls ready until it is true. It gives up when p ends, when ctx ends,
// and after ten seconds: daemons are up in a tenth of a second or never.
func (p *process) poll(ctx context.Context, ready func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ready(ctx) {
		select {
		case <-p.done:
			return errors.New("the daemon ended")
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}
