package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
)

// scripted is a token endpoint in memory.
type scripted struct {
	body  string
	forms []url.Values
}

func (s *scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	form, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(string(form))
	if err != nil {
		return nil, err
	}
	s.forms = append(s.forms, values)
	return &http.Response{
		StatusCode: http.StatusOK, Request: r, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(s.body)),
	}, nil
}

// FuzzCallback: whatever query comes, only one whose state is ours, once, ends
// the login, and a code is sent only then, as it came.
func FuzzCallback(f *testing.F) {
	for _, seed := range []string{
		"code=x&state=STATE", "code=x&state=STATE&iss=https://idp.example&scope=all", "error=access_denied&state=STATE", "state=STATE",
		"code=x&state=STATE&state=STATE", "code=x&state=", "code=x", "", "code=x;state=STATE", "code=x&state=STATE%00", "code=x&State=STATE",
		"code=x&state=%53TATE", "%zz&state=STATE", "state=STATE&code=a&code=b", "code=%0a%1b&state=STATE", "error=%3Cscript%3E&error_description=STATE&state=STATE",
		"code=x&state=STATE#", "?code=x&state=STATE", "code=x&st%61te=STATE", "code=x&state=STATE+", "code=x&state=[STATE]", "state[]=STATE&code=x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		server := &scripted{body: `{"access_token":"the-at","refresh_token":"the-rt","token_type":"Bearer"}`}
		c := &Client{ClientID: "app", HTTP: &http.Client{Transport: server}}
		a := newLoginFlow(c, &Metadata{AuthorizationEndpoint: "https://idp.example/auth", TokenEndpoint: "https://idp.example/token"}, nil, "http://127.0.0.1:80/cb", func(ctx context.Context, r *TokenRequest) (*Token, error) { return c.Redeem(ctx, r, nil, Journal{}) })
		if _, err := a.url(); err != nil {
			t.Fatal(err)
		}
		query = strings.ReplaceAll(query, "STATE", a.state)
		q := parseAnswer(query)
		ours := slices.Equal(q["state"], []string{a.state})

		r, err := parseRedirect("http://127.0.0.1:80/cb")
		if err != nil {
			t.Fatal(err)
		}
		l := a.listener(t.Context(), "flyte.example.com", r, 80)
		for range 2 { // the second time changes nothing
			w := httptest.NewRecorder()
			l.ServeHTTP(w, &http.Request{Method: http.MethodGet, Host: "127.0.0.1", URL: &url.URL{Path: "/cb", RawQuery: query}, Header: http.Header{}})
			if want := map[bool]int{true: http.StatusSeeOther, false: http.StatusBadRequest}[ours]; w.Code != want {
				t.Fatalf("%q: status %d, want %d", query, w.Code, want)
			}
			answer := w.Body.String() + fmt.Sprint(w.Header())
			for _, secret := range []string{a.state, a.nonce, a.verifier, "the-at", "the-rt"} {
				if strings.Contains(answer, secret) {
					t.Fatalf("%q: the answer tells %q", query, secret)
				}
			}
		}
		select {
		case <-a.done:
			if !ours {
				t.Fatalf("%q ended the login", query)
			}
		default:
			if ours {
				t.Fatalf("%q did not end the login", query)
			}
		}
		spent := ours && q.Get("error") == "" && len(q["code"]) == 1 && q.Get("code") != ""
		if len(server.forms) > 1 || (len(server.forms) == 1) != spent {
			t.Fatalf("%q: %d token requests", query, len(server.forms))
		}
		if spent && server.forms[0].Get("code") != q.Get("code") {
			t.Fatalf("%q: the code %q was sent as %q", query, q.Get("code"), server.forms[0].Get("code"))
		}
		if (a.token != nil) != spent || ours && (a.err == nil) != spent {
			t.Fatalf("%q: got %v and %v", query, a.token, a.err)
		}
		w := httptest.NewRecorder()
		l.ServeHTTP(w, &http.Request{Method: http.MethodGet, Host: "127.0.0.1", URL: &url.URL{Path: l.last}, Header: http.Header{}})
		if page := w.Body.String(); strings.Count(page, "<") != strings.Count(document("", "", "", ""), "<") {
			t.Fatalf("%q: the page has elements of the query:\n%s", query, page)
		}
	})
}

// FuzzPrintable: what is printable stays as it is, and nothing else remains.
func FuzzPrintable(f *testing.F) {
	for _, seed := range []string{
		"", "plain", " a ", "\x1b[31m", "\u202e", "\u0085", "\xff\xfe", strings.Repeat("é", 501), strings.Repeat(" ", 600), strings.Repeat("a", 499) + "  b", "\u2028\u2029",
		strings.Repeat(" ", 499) + "ab", strings.Repeat("x", 500) + "\x1b", strings.Repeat("x", 500) + " ",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Printable(s)
		if again := Printable(got); again != got {
			t.Fatalf("%q becomes %q, and that %q", s, got, again)
		}
		if n := len([]rune(got)); n > 501 {
			t.Fatalf("%d characters", n)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Bidi_Control, unicode.Cs) {
				t.Fatalf("%q holds %U", got, r)
			}
		}
	})
}

// FuzzTokenReply: no answer of a token endpoint panics, makes an expiry that is
// no later than the request, or puts a secret or a control character into an
// error; and a longer expires_in never ends sooner.
func FuzzTokenReply(f *testing.F) {
	for _, seed := range []string{
		`{"access_token":"canary-at","refresh_token":"canary-rt","id_token":"canary-id","token_type":"Bearer","expires_in":3600}`,
		`{"access_token":"canary-at","expires_in":"3600.5","token_type":"bearer","scope":"a b"}`,
		`{"access_token":"canary-at","token_type":"mac"}`, `{"access_token":"canary-at","expires_in":1e400}`, `{"access_token":"canary-at","expires_in":-1}`,
		`{"error":"invalid_grant","error_description":"\u001b[31m\u202e","access_token":"canary-at"}`, `{"error":{"access_token":"canary-at"}}`,
		`{"access_token":"e30.eyJleHAiOjF9.c2ln"}`, `{"access_token":"e30.eyJleHAiOjF9.c2ln","expires_in":9e18}`, `null`, `[]`, `"canary-at"`, ``, `{"access_token":"canary-at"`,
	} {
		f.Add(seed, 60.0)
	}
	asked := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	post := func(t *testing.T, body string) (*Token, error) {
		c := &Client{ClientID: "app", HTTP: &http.Client{Transport: &scripted{body: body}}, Now: func() time.Time { return asked }}
		r, err := c.wire().post(t.Context(), &TokenRequest{Server: Metadata{TokenEndpoint: "https://idp.example/token"}, Form: url.Values{"code": {"canary-code"}}})
		if err != nil {
			return nil, err
		}
		return r.token(nil), nil
	}
	f.Fuzz(func(t *testing.T, body string, lifetime float64) {
		token, err := post(t, body)
		if (token == nil) == (err == nil) {
			t.Fatalf("got %v and %v", token, err)
		}
		var fields map[string]any
		_ = json.Unmarshal([]byte(body), &fields)
		if err != nil {
			shown := err.Error()
			if e := (*Error)(nil); errors.As(err, &e) {
				shown += e.URI
			}
			others := maps.Clone(fields)
			for _, name := range []string{"access_token", "refresh_token", "id_token"} {
				delete(others, name)
			}
			for _, name := range []string{"access_token", "refresh_token", "id_token"} {
				secret, ok := fields[name].(string)
				if ok && len(secret) > 5 && strings.Contains(shown, secret) && !strings.Contains(fmt.Sprint(others), secret) &&
					!strings.Contains("idp.example answered 200 OK without a token without a body with broken JSON larger than 1 MiB only bearer tokens can be handed on (RFC 6750) sent an access token with characters that no token may have (RFC 6750 §2.1)", secret) {
					t.Fatalf("%q is shown: %s", secret, shown)
				}
			}
			if strings.Contains(shown, "canary-code") || len(shown) > 8<<10 {
				t.Fatalf("the error is %q", shown)
			}
			for _, r := range shown {
				if !unicode.IsPrint(r) {
					t.Fatalf("the error holds %q: %q", r, shown)
				}
			}
			return
		}
		if token.AccessToken == "" {
			return // there is an ID token
		}
		// The same answer with two lifetimes of which one is longer.
		if lifetime < 1e-9 || lifetime > 1e300 || lifetime != lifetime {
			return
		}
		ends := func(seconds any) time.Time {
			fields["expires_in"] = seconds
			changed, err := json.Marshal(fields)
			if err != nil {
				t.Skip(err)
			}
			token, err := post(t, string(changed))
			if err != nil {
				t.Skip(err)
			}
			return token.Expiry
		}
		soon, later, text := ends(lifetime), ends(2*lifetime), ends(fmt.Sprint(lifetime))
		if soon.IsZero() || later.Before(soon) || !text.Equal(soon) || soon.After(asked.AddDate(10, 0, 0)) {
			t.Fatalf("%v s end at %v, twice that at %v, as text at %v", lifetime, soon, later, text)
		}
		if exp, ok := jwtExpiry(token.AccessToken); ok && soon.After(exp) {
			t.Fatalf("it ends at %v, though the token itself does at %v", soon, exp)
		} else if !ok && !soon.After(asked) {
			t.Fatalf("it ended at %v, before it was asked for", soon)
		}
	})
}
