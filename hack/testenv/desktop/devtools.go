package desktop

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// devtools drives one page of a Chromium over --remote-debugging-pipe: JSON messages, each
// ended by a zero byte, https://chromedevtools.github.io/devtools-protocol/.
//
// The flag --dump-dom is no substitute: it does not follow a form that a script submits.
type devtools struct {
	to, from *os.File
	reader   *bufio.Reader
	last     int // id of the last command
	session  string
}

var errEnded = errors.New("the browser ended")

// message is an answer, with the ID of its command, or an event.
type message struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// newDevtools returns a client and the files that the browser must have as descriptors 3,
// from which it reads, and 4, to which it writes.
func newDevtools() (*devtools, []*os.File, error) {
	itsIn, to, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	from, itsOut, err := os.Pipe()
	if err != nil {
		return nil, nil, errors.Join(err, itsIn.Close(), to.Close())
	}
	return &devtools{to: to, from: from, reader: bufio.NewReader(from)}, []*os.File{itsIn, itsOut}, nil
}

// close also ends a call that waits for the browser.
func (d *devtools) close() {
	_ = d.to.Close()
	_ = d.from.Close()
}

// open opens url in a new page. Once the page has led to a URL that begins with end and has
// loaded, it returns the DOM.
func (d *devtools) open(url, end string) (string, error) {
	if err := d.attach(); err != nil {
		return "", err
	}
	var navigated struct{ ErrorText string }
	if err := d.call("Page.navigate", map[string]any{"url": url}, &navigated); err != nil {
		return "", err
	}
	if navigated.ErrorText != "" {
		return "", errors.New(navigated.ErrorText)
	}
	for ; ; time.Sleep(20 * time.Millisecond) {
		var tree struct {
			FrameTree struct {
				Frame struct{ URL, UnreachableURL string }
			}
		}
		if err := d.call("Page.getFrameTree", nil, &tree); err != nil {
			return "", err
		}
		frame := tree.FrameTree.Frame
		if frame.UnreachableURL != "" {
			return "", fmt.Errorf("it led to %s, which cannot be reached", frame.UnreachableURL)
		}
		if !strings.HasPrefix(frame.URL, end) {
			continue
		}
		var evaluated struct{ Result struct{ Value string } }
		const dom = "document.readyState == 'complete' ? document.documentElement.outerHTML : ''"
		if err := d.call("Runtime.evaluate", map[string]any{"expression": dom}, &evaluated); errors.Is(err, errEnded) || evaluated.Result.Value != "" {
			return evaluated.Result.Value, err
		}
	}
}

func (d *devtools) attach() error {
	var target struct{ TargetID string }
	if err := d.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target); err != nil {
		return err
	}
	var attached struct{ SessionID string }
	err := d.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	d.session = attached.SessionID
	return err
}

// quit asks the browser to end together with its child processes.
func (d *devtools) quit(done <-chan struct{}) {
	d.session = ""
	if err := d.call("Browser.close", nil, nil); err != nil {
		return
	}
	select {
	case <-done:
	case <-time.After(2 * time.Second):
	}
}

// call sends a command and waits for its answer.
func (d *devtools) call(method string, params, result any) error {
	d.last++
	command, err := json.Marshal(struct {
		ID      int    `json:"id"`
		Method  string `json:"method"`
		Params  any    `json:"params,omitempty"`
		Session string `json:"sessionId,omitempty"`
	}{d.last, method, params, d.session})
	if err != nil {
		return err
	}
	if _, err := d.to.Write(append(command, 0)); err != nil {
		return fmt.Errorf("%w: %w", errEnded, err)
	}
	for {
		m, err := d.read()
		switch {
		case err != nil:
			return err
		case m.ID != d.last: // an event
		case m.Error != nil:
			return fmt.Errorf("%s: %s", method, m.Error.Message)
		case result == nil:
			return nil
		default:
			return json.Unmarshal(m.Result, result)
		}
	}
}

func (d *devtools) read() (m message, err error) {
	line, err := d.reader.ReadBytes(0)
	if err != nil {
		return m, fmt.Errorf("%w: %w", errEnded, err)
	}
	return m, json.Unmarshal(line[:len(line)-1], &m)
}
