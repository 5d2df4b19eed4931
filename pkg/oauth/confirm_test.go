package oauth_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// A question comes before the sign-in page, and only its own form answers it.
func TestConfirm(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	c := clientOf(s)
	c.Confirm = "Codes go to <token endpoint>.\nThe client is flytectl."
	l := begin(t, c)
	resp, page := l.visit(l.URL)
	csp := resp.Header.Get("Content-Security-Policy")
	if !strings.Contains(page, "<p>Codes go to &lt;token endpoint&gt;.</p>\n<p>The client is flytectl.</p>") || !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "form-action 'self'") {
		t.Errorf("%s\n%s", csp, page)
	}
	if strings.Contains(page, "state") || s.Count("authorize") != 0 {
		t.Error("the page tells something of the login, or the sign-in page was opened before it")
	}
	token := regexp.MustCompile(`name="token" value="(\w+)"`).FindStringSubmatch(page)[1]
	for _, form := range []url.Values{{}, {"token": {""}}, {"token": {token + "x"}}, {"token": {strings.ToLower(token)}}, {"answer": {"no"}}} {
		resp, err := browser().PostForm(l.URL, form)
		if err != nil {
			t.Fatal(err)
		}
		if read(t, resp); resp.StatusCode != http.StatusForbidden || resp.Header.Get("Refresh") != "" {
			t.Errorf("%v: %s", form, resp.Status)
		}
	}
	if resp, _ := l.visit(l.URL + "x"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("another page: %s", resp.Status)
	}
	l.signIn()
	if l.succeed(); s.Count("authorize") != 1 || s.Count("authorization_code") != 1 {
		t.Error("the login did not go on")
	}
}

// A login that the user does not want ends at once, before the server is asked.
func TestConfirmNo(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	c := clientOf(s)
	c.Confirm, c.Endpoint = "This is another server.", "flyte.example.com"
	l := begin(t, c)
	page, err := oauthtest.Decline(t.Context(), browser(), l.URL)
	if err == nil || !strings.Contains(page, "Not logged in") {
		t.Errorf("%v: %s", err, page)
	}
	_, err = l.end()
	if e := oauth.AsError(err); e == nil || e.Class != oauth.ClassRefused || !e.Shown || e.Problem != "the login to flyte.example.com was not confirmed" {
		t.Errorf("%v", err)
	}
	if s.Count("authorize")+s.Count("token") != 0 {
		t.Error("the server was asked")
	}
}

// A login that has no page for the question does not start.
func TestConfirmNowhere(t *testing.T) {
	for setting, change := range map[string]func(*oauth.Client){
		"grant":        func(c *oauth.Client) { c.Grant = oauth.GrantDevice },
		"redirect-uri": func(c *oauth.Client) { c.RedirectURI = "https://app.example.com/callback" },
	} {
		s := newServer(t, oauthtest.Config{})
		c := clientOf(s)
		c.Confirm, c.Prompt = "This is another server.", newTerminal()
		change(c)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := c.Login(ctx)
		cancel()
		if e := oauth.AsError(err); e == nil || e.Class != oauth.ClassConfig || e.Setting != setting {
			t.Errorf("%s: %v", setting, err)
		}
		if s.Count("device") != 0 {
			t.Error("a device code was requested")
		}
	}
}
