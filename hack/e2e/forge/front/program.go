package front

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"time"
)

// Program is a server in a process of its own. It listens on a Unix socket, because a
// port could be in use.
type Program struct {
	cmd   *exec.Cmd
	said  bytes.Buffer
	ended chan struct{}
}

// Run starts cmd, sets the server on socket behind the front, and returns when a GET of path is answered as expected. The caller stops the program.
func (f *Front) Run(ctx context.Context, cmd *exec.Cmd, socket, path string, status int) (*Program, error) {
	p := &Program{cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.said, &p.said
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = cmd.Wait() // it ends when it is stopped; otherwise await reports it
		close(p.ended)
	}()
	f.Place(proxy(socket))
	if err := p.await(ctx, f, path, status); err != nil {
		p.Stop()
		return nil, fmt.Errorf("%s: %w\n%s", cmd.Path, err, p.said.String())
	}
	f.ResetCounts()
	return p, nil
}

// Stop kills the program.
func (p *Program) Stop() {
	_ = p.cmd.Process.Kill() // an error means that it has ended
	<-p.ended
}

func (p *Program) await(ctx context.Context, f *Front, path string, status int) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if got, err := f.get(ctx, path); err == nil && got == status {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("it has ended: %v", p.cmd.ProcessState)
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (f *Front) get(ctx context.Context, path string) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL(path), nil)
	if err != nil {
		return 0, err
	}
	response, err := f.Client().Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// proxy forwards requests to the server on socket, with the original Host header.
func proxy(socket string) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "socket"})
			r.Out.Host = r.In.Host
			r.SetXForwarded()
		},
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		}},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
}
