package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv/desktop"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// openCommand is the argument with which this program is the browser's command:
// "demo open DOOR ADDRESS".
const openCommand = "open"

// browser is the person's browser. The command that the program starts only
// hands the address over, so that the browser itself is the demo's, is counted,
// and ends with it.
type browser struct {
	command string // for --browser
	short   string // the same, for people
	what    string

	ctx    context.Context // of the demo, for pages that are opened by request
	path   string          // of Chromium; empty, a script signs in
	opened atomic.Int32
	pages  chan page
	all    sync.WaitGroup
	door   *httptest.Server
}

// page is where an address led.
type page struct {
	text string
	err  error
}

// newBrowser prefers a real browser, if it can open harmless.
func newBrowser(ctx context.Context, harmless string) (*browser, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &browser{ctx: ctx, pages: make(chan page, crowd)}
	b.path, b.what = findChromium(ctx, harmless)
	// Others on this machine cannot guess the path, so they cannot use the browser.
	secret := "/" + rand.Text()
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+secret, b.receive)
	b.door = httptest.NewServer(mux)
	b.command = shellquote.Join(self, openCommand, b.door.URL+secret)
	b.short = filepath.Base(self) + " open …"
	return b, nil
}

func findChromium(ctx context.Context, harmless string) (path, what string) {
	path, ok := desktop.Chromium()
	if !ok {
		return "", "a script, since there is no Chromium"
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if _, err := desktop.OpenInChromium(ctx, path, harmless+"/.well-known/openid-configuration"); err != nil {
		return "", fmt.Sprintf("a script, since %s does not work here (%v)", path, err)
	}
	return path, path + ", a real one without a window"
}

// receive takes an address and answers at once: a browser's command returns
// before the page has loaded.
func (b *browser) receive(w http.ResponseWriter, r *http.Request) {
	address, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		http.Error(w, "no address", http.StatusBadRequest)
		return
	}
	b.opened.Add(1)
	b.all.Go(func() {
		var p page
		if b.path != "" {
			p.text, p.err = desktop.OpenInChromium(b.ctx, b.path, string(address))
		} else {
			p.text, p.err = oauthtest.SignIn(b.ctx, nil, string(address))
		}
		select {
		case b.pages <- p:
		default: // more than anybody looks at
		}
	})
}

// lastPage waits for the page that the browser ends on.
func (b *browser) lastPage(ctx context.Context) (string, error) {
	select {
	case p := <-b.pages:
		return p.text, p.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// close waits for the pages: the context has ended, or they are loaded.
func (b *browser) close() error {
	b.door.Close()
	b.all.Wait()
	return nil
}

// open is the command: it hands the address to the demo.
func open(args []string) int {
	if err := handOver(args); err != nil {
		fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		return 1
	}
	return 0
}

func handOver(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: demo open DOOR ADDRESS")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, args[0], strings.NewReader(args[1]))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
