package windows

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/charmbracelet/x/conpty"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// Longer than any line of the program, so that the console wraps none.
const consoleWidth = 2000

// escapes are the sequences with which a pseudo console draws.
var escapes = regexp.MustCompile(`\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07\x1b]*(\x07|\x1b\\)|[=>])`)

// screen collects what a console has shown.
type screen struct {
	mu   sync.Mutex
	text []byte
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, p...)
	return len(p), nil
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return escapes.ReplaceAllString(string(s.text), "")
}

// console is "test-console DIALOG CMD [ARG...]": it runs CMD at a console of its own, prints
// what that has shown, and ends with the status of CMD.
func console() {
	status, err := runAtConsole(os.Args[1], os.Args[2:])
	if err != nil {
		log.Fatal(err)
	}
	os.Exit(status)
}

func runAtConsole(dialog string, args []string) (status int, err error) {
	lines, err := os.ReadFile(dialog)
	if err != nil {
		return 0, err
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return 0, err
	}
	pty, err := conpty.New(consoleWidth, 50, 0)
	if err != nil {
		return 0, err
	}
	var shown screen
	go func() { _, _ = io.Copy(&shown, pty) }()
	defer func() { fmt.Println(shown.String()) }()
	_, handle, err := pty.Spawn(path, args, &syscall.ProcAttr{Env: os.Environ()})
	if err != nil {
		return 0, err
	}
	process := syscall.Handle(handle)
	defer func() { _ = syscall.TerminateProcess(process, 1) }()
	for line := range strings.Lines(string(lines)) {
		if err := act(pty, &shown, strings.TrimSpace(line)); err != nil {
			return 0, err
		}
	}
	if event, err := syscall.WaitForSingleObject(process, 30_000); err != nil || event != syscall.WAIT_OBJECT_0 {
		return 0, fmt.Errorf("%s does not end: %w", args[0], err)
	}
	var code uint32
	err = syscall.GetExitCodeProcess(process, &code)
	return int(code), err
}

// act does what a line of the dialog says.
func act(pty io.Writer, shown *screen, line string) error {
	verb, text, _ := strings.Cut(line, " ")
	switch verb {
	case "shows":
		_, err := shown.await(text)
		return err
	case "types":
		_, err := io.WriteString(pty, text+"\r")
		return err
	case "opens":
		_, err := signIn(shown, nil)
		return err
	case "pastes":
		var last lastAddress
		if _, err := signIn(shown, &http.Client{Transport: &last}); err != nil {
			return err
		}
		_, err := io.WriteString(pty, last.address+"\r")
		return err
	}
	return fmt.Errorf("unknown line: %s", line)
}

func signIn(shown *screen, client *http.Client) (page string, err error) {
	address, err := shown.await(`https?://\S+/authorize\?\S+`)
	if err != nil {
		return "", err
	}
	return oauthtest.SignIn(context.Background(), client, address)
}

// lastAddress is the transport of a browser on another machine, which the redirect URI does
// not lead to this one. It keeps the address that the browser then shows.
type lastAddress struct{ address string }

func (l *lastAddress) RoundTrip(r *http.Request) (*http.Response, error) {
	if !r.URL.Query().Has("code") {
		return (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	}
	l.address = r.URL.String()
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
}

// await waits until the screen shows what matches a regular expression.
func (s *screen) await(pattern string) (string, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return "", err
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if found := re.FindString(s.String()); found != "" {
			return found, nil
		}
	}
	return "", fmt.Errorf("the console does not show %s", pattern)
}
