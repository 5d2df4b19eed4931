package oauth_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// notes are the texts that Notify got.
type notes struct {
	mu   sync.Mutex
	text strings.Builder
}

func (n *notes) tell(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.text.WriteString(text)
}

func (n *notes) all() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}

// TestNotify: without a terminal, Notify gets the device code and the address that no
// browser opened, and the login continues. If a browser opens, it gets nothing.
func TestNotify(t *testing.T) {
	broken := errors.New("no \x1b[31mbrowser")
	opens := func(context.Context, string) error { return nil }
	fails := func(context.Context, string) error { return broken }
	const address, here, code = "/auth?client_id=app", "in a browser on this machine", "ABCD-EFGH"
	for name, test := range map[string]struct {
		grant  oauth.Grant
		open   func(context.Context, string) error
		device bool // the server has the endpoint
		want   []string
		not    []string
	}{
		"device grant":                  {grant: oauth.GrantDevice, device: true, want: []string{"https://id.example/device", code}, not: []string{address, "\x1b", "aste"}},
		"device grant, and a browser":   {grant: oauth.GrantDevice, open: opens, device: true, want: []string{"https://id.example/device", code}, not: []string{address}},
		"device grant, broken browser":  {grant: oauth.GrantDevice, open: fails, device: true, want: []string{"https://id.example/device", code, "does not open"}, not: []string{address}},
		"a browser that opens":          {open: opens, device: true, not: []string{"o"}},
		"a browser that does not":       {open: fails, want: []string{"The browser does not open (no [31mbrowser)", here, address}, not: []string{"\x1b", "aste", code}},
		"the same, and a device code":   {open: fails, device: true, want: []string{"does not open", "https://id.example/device", code, here, address}, not: []string{"\x1b", "aste"}},
		"the same, browser grant":       {grant: oauth.GrantBrowser, open: fails, device: true, want: []string{"does not open", here, address}, not: []string{code}},
		"no browser":                    {want: []string{here, address}, not: []string{"aste", code}},
		"no browser, and a device code": {device: true, want: []string{"https://id.example/device", code, here, address}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			c := f.client()
			if test.device {
				c.DeviceEndpoint = f.URL + "/device"
			}
			n := &notes{}
			c.Grant, c.Notify = test.grant, n.tell
			opened := make(chan struct{}, 1)
			if test.open != nil {
				c.Open = func(ctx context.Context, address string) error {
					opened <- struct{}{}
					return test.open(ctx, address)
				}
			}
			p := beginHere(t, c)
			if test.open != nil {
				p.until("the browser", func() bool { return len(opened) == 1 })
			}
			for _, words := range test.want {
				p.until(words, func() bool { return strings.Contains(n.all(), words) })
			}
			for _, words := range test.not {
				if strings.Contains(n.all(), words) {
					t.Errorf("it is told %q:\n%s", words, n.all())
				}
			}
			select {
			case <-p.done:
				t.Errorf("the login is over: %v", p.err)
			default:
			}
		})
	}
}

// TestNotifiedLogin: the address in the text leads to a login, and so does the code.
func TestNotifiedLogin(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	for _, grant := range []oauth.Grant{oauth.GrantAuto, oauth.GrantDevice} {
		c, n := clientOf(s), &notes{}
		c.Grant, c.Notify = grant, n.tell
		p := beginHere(t, c)
		found := ""
		p.until("an address", func() bool {
			for _, word := range strings.Fields(n.all()) {
				if u, err := url.Parse(word); err == nil && strings.HasPrefix(word, s.URL) && strings.Contains(n.all(), word+"\n") && u.Host != "" {
					found = word
				}
			}
			return found != ""
		})
		if grant == oauth.GrantDevice {
			u, err := url.Parse(found)
			if err != nil || !s.ApproveDevice(u.Query().Get("user_code")) {
				t.Fatalf("the code of %s cannot be approved: %v", found, err)
			}
		} else if _, err := oauthtest.SignIn(t.Context(), browser(), found); err != nil {
			t.Fatal(err)
		}
		if token, err := p.end(); err != nil || token.Subject != "alice" {
			t.Errorf("%s: got %+v and %v", grant, token, err)
		}
	}
}

// TestShown: the outcome says whether the user saw anything.
func TestShown(t *testing.T) {
	f := newFake(t)
	c := f.client()
	c.Open = func(context.Context, string) error { return errors.New("no browser") }
	if _, err := c.Login(t.Context()); oauth.AsError(err) == nil || oauth.AsError(err).Shown {
		t.Errorf("nothing was shown: got %#v", err)
	}
	c.Open, c.TokenEndpoint = nil, "http://127.0.0.1:1/token"
	if _, err := f.login(t, c); oauth.AsError(err) == nil || !oauth.AsError(err).Shown || !oauth.IsTemporary(err) {
		t.Errorf("a browser was opened: got %#v", err)
	}
	gone := errors.Join(oauth.ErrCanceled)
	l := begin(t, f.client())
	l.cancel(gone)
	if _, err := l.end(); !errors.Is(err, oauth.ErrCanceled) || oauth.AsError(err) != nil {
		t.Errorf("canceled: got %#v", err)
	}
}
