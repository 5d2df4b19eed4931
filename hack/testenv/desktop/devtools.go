package desktop

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// devtools drives one page of a Chromium over --remote-debugging-pipe: JSON
// messages, each ended by a zero byte, https://chromedevtools.github.io/devtools-protocol/.
//
// Its --dump-dom would not do: where a script submits a form on load or later,
// that is the page with the form; with --virtual-time-budget besides it is the
// right one, but on a busy machine now and then nothing, with exit status 0.
type devtools struct {
	to, from *os.File
	reader   *bufio.Reader
	last     int // id of the last command
	session  string
	page     page
}

var errEnded = errors.New("the browser ended")

// message is an answer (with the ID of its command) or an event (with a Method).
type message struct {
	ID     int             `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
	Session string `json:"sessionId,omitempty"`
}

// newDevtools returns a client and the two files that the browser is to have as
// 3 and 4: the one it reads and the one it writes.
func newDevtools() (*devtools, []*os.File, error) {
	itsIn, to, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	from, itsOut, err := os.Pipe()
	if err != nil {
		return nil, nil, errors.Join(err, itsIn.Close(), to.Close())
	}
	d := &devtools{to: to, from: from, reader: bufio.NewReader(from)}
	d.page.requests = map[string]bool{}
	return d, []*os.File{itsIn, itsOut}, nil
}

// close ends a call that waits for the browser, too.
func (d *devtools) close() {
	_ = d.to.Close()
	_ = d.from.Close()
}

// open opens url in a new page and returns the DOM of the page it ends on.
func (d *devtools) open(url string) (string, error) {
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
	if err := d.settle(); err != nil {
		return "", err
	}
	if d.page.unreachable != "" {
		return "", fmt.Errorf("it led to %s, which cannot be reached", d.page.unreachable)
	}
	var evaluated struct{ Result struct{ Value string } }
	err := d.call("Runtime.evaluate", map[string]any{"expression": "document.documentElement.outerHTML"}, &evaluated)
	return evaluated.Result.Value, err
}

func (d *devtools) attach() error {
	var target struct{ TargetID string }
	if err := d.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target); err != nil {
		return err
	}
	var attached struct{ SessionID string }
	err := d.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	if err != nil {
		return err
	}
	d.session = attached.SessionID
	d.page.frame = target.TargetID // a page's main frame has the page's id
	if err := d.call("Page.enable", nil, nil); err != nil {
		return err
	}
	return d.call("Network.enable", nil, nil)
}

// settle returns when the page has settled and the browser has had nothing to
// say about it for as long as Chromium's own networkIdle takes. (That one comes
// two seconds late in a headless browser.)
func (d *devtools) settle() error {
	for {
		if d.page.settled() {
			quiet, err := d.quiet(500 * time.Millisecond)
			if quiet || err != nil {
				return err
			}
		}
		m, err := d.read()
		if err != nil {
			return err
		}
		d.page.see(m)
	}
}

// quiet says whether no message begins within limit.
func (d *devtools) quiet(limit time.Duration) (bool, error) {
	if err := d.from.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return false, err
	}
	_, err := d.reader.Peek(1) // takes nothing, so a message stays whole
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return true, d.from.SetReadDeadline(time.Time{})
	}
	return false, d.from.SetReadDeadline(time.Time{}) // the next read tells of another error, too
}

// quit asks the browser to end, so that it takes its children along and they
// are waited for. It needs not obey.
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

// call sends a command and waits for its answer; events on the way are seen.
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
		case m.ID != d.last:
			d.page.see(m)
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
