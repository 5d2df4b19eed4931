package desktop

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// signIn serves a login as a browser sees it: a sign-in page over TLS whose script submits
// its form, a redirect to another server on loopback, and from there a 303 to a last page.
// Each step but the first takes delay. It returns the URL of the sign-in page, and that of
// the other server.
func signIn(t *testing.T, script string, delay time.Duration) (page, end string) {
	steps := http.NewServeMux()
	loopback := httptest.NewServer(steps)
	t.Cleanup(loopback.Close)
	steps.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(delay)
		http.Redirect(w, r, "/done?code="+r.FormValue("code"), http.StatusSeeOther)
	})
	steps.HandleFunc("GET /done", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<title>done</title><p>code %s<script>document.body.append(' and a script')</script>", r.FormValue("code"))
	})

	pages := http.NewServeMux()
	pages.HandleFunc("GET /sign-in", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<title>sign in</title><form method=post action=/consent><input name=user value=ann></form><script>%s</script>", script)
	})
	pages.HandleFunc("POST /consent", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(delay)
		http.Redirect(w, r, loopback.URL+"/callback?code="+r.FormValue("user"), http.StatusFound)
	})
	server := httptest.NewTLSServer(pages)
	t.Cleanup(server.Close)
	return server.URL + "/sign-in", loopback.URL
}

func TestChromiumEndsOnTheLastPage(t *testing.T) {
	path := requireChromium(t)
	scripts := []struct{ name, text string }{
		{"at once", "document.forms[0].submit()"},
		{"on load", "onload = () => document.forms[0].submit()"},
		{"after load", "onload = () => setTimeout(() => document.forms[0].submit(), 200)"},
		{"after a request", "fetch('/sign-in').then(() => document.forms[0].submit())"},
	}
	for n := range 10 {
		script, delay := scripts[n%len(scripts)], time.Duration(n%3)*400*time.Millisecond
		t.Run(fmt.Sprintf("%s, %v", script.name, delay), func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			url, end := signIn(t, script.text, delay)
			dom, err := OpenInChromium(t.Context(), path, url, end)
			check(t, err)
			if !strings.Contains(dom, "<p>code ann") || !strings.Contains(dom, "</p> and a script") {
				t.Errorf("not the last page, or its script did not run: %s", dom)
			}
			t.Log(time.Since(begin))
		})
	}
}

func TestChromiumSaysThatAPageCannotBeHad(t *testing.T) {
	path := requireChromium(t)
	closed := httptest.NewServer(nil)
	closed.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<script>location = '%s'</script>", closed.URL)
	}))
	defer server.Close()
	for _, url := range []string{closed.URL, server.URL} {
		dom, err := OpenInChromium(t.Context(), path, url, url+"/end")
		if err == nil || !strings.Contains(err.Error(), closed.URL) {
			t.Errorf("%s: %q, %v", url, dom, err)
		}
		t.Log(err)
	}
	_, err := OpenInChromium(t.Context(), "/bin/false", server.URL, server.URL)
	if !errors.Is(err, errEnded) {
		t.Errorf("no browser: %v", err)
	}
}
