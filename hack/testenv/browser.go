package testenv

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv/desktop"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// browserName is the browser's program name, or the first argument of a program that
// plays the browser: "PROGRAM test-browser --HABIT... ADDRESS".
const browserName = "test-browser"

// Habit is what the browser or its user does.
type Habit string

// The habits. Some can be combined.
const (
	SignsIn  Habit = "signs-in" // the user signs in
	Closes   Habit = "closes"   // the user closes the tab at once
	Waits    Habit = "waits"    // the user signs in only after [Machine.Release]
	Stays    Habit = "stays"    // the process ends only after [Machine.Release]
	Declines Habit = "declines" // the user answers no to the question that comes before the sign-in page
	Probes   Habit = "probes"   // other pages and programs send requests to the listener before the user signs in
	Noisy    Habit = "noisy"    // the process writes a lot to its standard streams
	Fails    Habit = "fails"    // the process ends with status 1
	Chromium Habit = "chromium" // a real browser; the sign-in page has to submit itself
)

// Browse plays the browser and ends the process if it was started as one.
func Browse() {
	args := os.Args
	if filepath.Base(args[0]) != browserName && len(args) > 1 {
		args = args[1:]
	}
	if filepath.Base(args[0]) == browserName {
		runBrowser(args[1:])
	}
}

// runBrowser ends the process. Its environment names the files: see the package comment.
func runBrowser(args []string) {
	habits, address := args[:len(args)-1], args[len(args)-1]
	has := func(h Habit) bool { return slices.Contains(habits, "--"+string(h)) }
	log := os.Getenv("BROWSER_LOG")
	if err := errors.Join(LogBrowser(address), dump(os.Getenv("BROWSER_DUMP"))); err != nil || has(Fails) {
		os.Exit(1)
	}
	if has(Noisy) {
		_, _ = os.Stdout.WriteString(strings.Repeat("noise ", 200_000))
		_, _ = os.Stderr.WriteString(strings.Repeat("noise ", 200_000))
	}
	if has(Closes) {
		os.Exit(0)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	go endWith(log, cancel)
	if has(Probes) {
		probe(ctx, log+".probes", address)
	}
	if has(Waits) {
		awaitFile(ctx, log+released)
	}
	open := signIn
	if has(Declines) {
		open = decline
	}
	page, err := open(ctx, has(Chromium), address)
	if err != nil {
		page = err.Error() + "\n" + page
	}
	_ = os.WriteFile(log+".page", []byte(page), 0o600)
	if has(Stays) {
		awaitFile(ctx, log+released)
		_ = appendLine(log+ended, "")
	}
	os.Exit(0) // as a browser, even if a site fails
}

func signIn(ctx context.Context, real bool, address string) (page string, err error) {
	if real {
		path, _ := desktop.Chromium()
		u, err := url.Parse(redirectURI(address))
		if err != nil {
			return "", err
		}
		return desktop.OpenInChromium(ctx, path, address, u.Scheme+"://"+u.Host)
	}
	client, err := trusting(os.Getenv("BROWSER_CA"))
	if err != nil {
		return "", err
	}
	return oauthtest.SignIn(ctx, client, address)
}

func decline(ctx context.Context, _ bool, address string) (page string, err error) {
	return oauthtest.Decline(ctx, nil, address)
}

// trusting is an HTTP client that trusts the certificate in the file ca, or nil without
// one.
func trusting(ca string) (*http.Client, error) {
	if ca == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate", ca)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}, nil
}

// LogBrowser adds an address to $BROWSER_LOG: a browser was opened.
func LogBrowser(address string) error { return appendLine(os.Getenv("BROWSER_LOG"), address) }

// dump writes the environment and the descriptors of this process to a file.
func dump(file string) error {
	if file == "" {
		return nil
	}
	descriptors, _ := filepath.Glob("/proc/self/fd/*")
	text := strings.Join(os.Environ(), "\n") + "\n"
	for _, fd := range descriptors {
		if to, err := os.Readlink(fd); err == nil {
			text += filepath.Base(fd) + " " + to + "\n"
		}
	}
	return os.WriteFile(file, []byte(text), 0o600)
}

// probe sends requests to the listener as other pages, a browser's preview and other
// programs do, and writes the answers to log.
func probe(ctx context.Context, log, address string) {
	to := redirectURI(address)
	for _, r := range []struct{ method, rest string }{
		{http.MethodGet, ""},
		{http.MethodGet, "?code=forged&state=forged"},
		{http.MethodGet, "?error=access_denied&state=forged"},
		{http.MethodGet, "/favicon.ico"},
		{http.MethodOptions, ""},
	} {
		answer, err := request(ctx, r.method, to+r.rest)
		if err != nil {
			answer = err.Error()
		}
		_ = appendLine(log, answer)
	}
}

// redirectURI is that of an authorization request.
func redirectURI(address string) string {
	_, query, _ := strings.Cut(address, "?")
	values, _ := url.ParseQuery(query)
	return values.Get("redirect_uri")
}

// request returns the whole answer to a request.
func request(ctx context.Context, method, address string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultTransport.RoundTrip(request) // does not follow a redirect
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	var header strings.Builder
	_ = answer.Header.Write(&header) // to memory
	return fmt.Sprintf("%d %s%s", answer.StatusCode, header.String(), body), err
}

// Files beside the log.
const (
	released = ".released" // written by [Machine.Release]
	closed   = ".closed"   // written by [Machine.Close]
	ended    = ".ended"    // one line for each browser that stayed and has ended
)

func awaitFile(ctx context.Context, file string) {
	for ctx.Err() == nil && !exists(file) {
		time.Sleep(10 * time.Millisecond)
	}
}

// endWith ends the browser when its machine is closed.
func endWith(log string, end func()) {
	for exists(filepath.Dir(log)) && !exists(log+closed) {
		time.Sleep(50 * time.Millisecond)
	}
	end()
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func appendLine(path, line string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, line)
	return errors.Join(err, f.Close())
}

func lines(path string) int {
	text, _ := os.ReadFile(path)
	return strings.Count(string(text), "\n")
}

// Log is the file with a line for each browser that opened: its address.
func (m *Machine) Log() string { return filepath.Join(m.Dir, "opened") }

// BrowserOf is the browser's command, quoted for a shell, for a user with these habits.
// The address comes after it.
func (m *Machine) BrowserOf(habits ...Habit) string {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	words := []string{self, browserName}
	for _, h := range habits {
		words = append(words, "--"+string(h))
	}
	return shellquote.Join(words...)
}

// Browser is the command of a browser whose user signs in.
func (m *Machine) Browser() string { return m.BrowserOf(SignsIn) }

// Browsers is how many browsers have opened so far.
func (m *Machine) Browsers() int { return lines(m.Log()) }

// Release lets browsers continue that wait or stay.
func (m *Machine) Release() error { return appendLine(m.Log()+released, "") }

// CloseTabs makes the user close each tab from now on, without signing in.
func (m *Machine) CloseTabs() { m.Env = append(m.Env, "BROWSER="+m.BrowserOf(Closes)) }
