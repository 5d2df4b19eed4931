package oauth_test

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// answer is the redirect URI with q and this login's state.
func (l *login) answer(q url.Values) string {
	q.Set("state", l.query.Get("state"))
	return l.at(q)
}

// request sends one request to the listener, and reads the answer to it.
func (l *login) request(method, address, body string, header ...string) *http.Response {
	l.t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := browser()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(r)
	if err != nil {
		l.t.Fatalf("%s: %v", method, err)
	}
	_ = read(l.t, resp)
	return resp
}

// TestCallbackSurvives: what makes flytekit wait for ever, or takes the answer's place
// there. The right answer that comes after it is taken, and spends the only code.
func TestCallbackSurvives(t *testing.T) {
	f := newFake(t)
	status := func(want int, method, path, body string, header ...string) func(*login) {
		return func(l *login) {
			address := "http://" + l.redirect.Host + strings.Replace(path, "STATE", l.query.Get("state"), 1)
			if resp := l.request(method, address, strings.Replace(body, "STATE", l.query.Get("state"), 1), header...); resp.StatusCode != want {
				l.t.Errorf("%s %s: %s, want %d", method, path, resp.Status, want)
			}
		}
	}
	for name, event := range map[string]func(*login){
		"nothing":                        func(*login) {},
		"other path":                     status(404, "GET", "/favicon.ico", ""),
		"path with a slash at its end":   status(404, "GET", "/cb/?code=stolen&state=STATE", ""),
		"error, wrong state":             status(400, "GET", "/cb?error=access_denied&state=wrong", ""),
		"error, no state":                status(400, "GET", "/cb?error=access_denied", ""),
		"wrong state":                    status(400, "GET", "/cb?code=stolen&state=wrong", ""),
		"no state":                       status(400, "GET", "/cb?code=stolen", ""),
		"POST, as response_mode has it":  status(405, "POST", "/cb", "code=stolen&state=STATE", "Content-Type", "application/x-www-form-urlencoded"),
		"POST with the answer's address": status(405, "POST", "/cb?code=stolen&state=STATE", ""),
		"HEAD":                           status(405, "HEAD", "/cb?code=stolen&state=STATE", ""),
		"prefetch":                       status(204, "GET", "/cb?code=stolen&state=STATE", "", "Sec-Purpose", "prefetch"),
		"connect and close": func(l *login) {
			for range 10 {
				conn, err := net.Dial("tcp", l.redirect.Host)
				if err != nil {
					l.t.Fatal(err)
				}
				conn.Close()
			}
		},
		"connect and wait": func(l *login) {
			conn, err := net.Dial("tcp", l.redirect.Host)
			if err != nil {
				l.t.Fatal(err)
			}
			l.t.Cleanup(func() { conn.Close() })
		},
	} {
		t.Run(name, func(t *testing.T) {
			f.posts = nil
			l := begin(t, f.client())
			event(l)
			if _, page := l.visit(l.answer(url.Values{"code": {"the-code"}, "scope": {"all"}, "session_state": {"x"}})); !strings.Contains(page, "You are logged in") {
				t.Errorf("the page is\n%s", page)
			}
			l.succeed()
			if got := f.requests(); len(got) != 1 || got[0].form.Get("code") != "the-code" {
				t.Errorf("the server was sent %v", got)
			}
		})
	}
}

// TestCallbackEnds: an answer with the state of the login ends the login at once, and the
// page and the error have the same text.
func TestCallbackEnds(t *testing.T) {
	f := newFake(t)
	refused := said(400, "application/json", `{"error":"invalid_grant","error_description":"no such code"}`)
	for name, test := range map[string]struct {
		q         url.Values
		token     http.HandlerFunc
		words     []string // of the error and of the page
		temporary bool
	}{
		"error": {
			q:     url.Values{"error": {"access_denied"}, "error_description": {"nobody may"}, "error_hint": {"ask Bob"}, "error_uri": {"https://id.example/e?a=b"}},
			words: []string{"answered access_denied: nobody may", "ask Bob", "https://id.example/e?a=b"},
		},
		"error and nothing more":  {q: url.Values{"error": {"invalid_scope"}}, words: []string{"answered invalid_scope"}},
		"server_error":            {q: url.Values{"error": {"server_error"}}, words: []string{"server_error"}, temporary: true},
		"temporarily_unavailable": {q: url.Values{"error": {"temporarily_unavailable"}}, words: []string{"temporarily_unavailable"}, temporary: true},
		"Facebook":                {q: url.Values{"error_code": {"1349048"}, "error_message": {"no such URL"}}, words: []string{"answered the login without a code: no such URL"}},
		"no code":                 {q: url.Values{}, words: []string{"answered the login without a code"}},
		"failed exchange":         {q: url.Values{"code": {"x"}}, token: refused, words: []string{"answered invalid_grant: no such code"}},
		"exchange in trouble":     {q: url.Values{"code": {"x"}}, token: said(503, "text/plain", ""), words: []string{"answered 503 Service Unavailable"}, temporary: true},
		"exchange without a token": {q: url.Values{"code": {"x"}}, token: answer(`{"access_token":"","token_type":"Bearer"}`),
			words: []string{"without a token"}, temporary: true},
		"exchange, HTML":  {q: url.Values{"code": {"x"}}, token: said(200, "text/html", "<p>welcome"), words: []string{"answered 200 OK with HTML"}, temporary: true},
		"exchange, empty": {q: url.Values{"code": {"x"}}, token: said(200, "application/json", ""), words: []string{"without a body"}, temporary: true},
		"exchange, a redirect": {q: url.Values{"code": {"x"}}, token: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", f.URL+"/token")
			said(307, "application/json", `{"access_token":"at"}`)(w, nil)
		}, words: []string{"answered 307 Temporary Redirect"}, temporary: true},
		"exchange, over 1 MiB": {q: url.Values{"code": {"x"}}, token: answer(`{"access_token":"at"}` + strings.Repeat(" ", 1<<20)), words: []string{"larger than 1 MiB"}, temporary: true},
	} {
		t.Run(name, func(t *testing.T) {
			f.token = test.token
			l := begin(t, f.client())
			begun := time.Now()
			resp, page := l.visit(l.answer(test.q))
			token, err := l.end()
			if err == nil || token != nil || resp.StatusCode != http.StatusForbidden || !strings.Contains(page, "Not logged in") {
				t.Fatalf("got %v and %v; %s\n%s", token, err, resp.Status, page)
			}
			if took := time.Since(begun); took > patience/2 {
				t.Errorf("it took %s", took)
			}
			for _, words := range test.words {
				if !strings.Contains(err.Error(), words) || !strings.Contains(page, words) {
					t.Errorf("want to read of %q, in %q and on\n%s", words, err, page)
				}
			}
			if test.temporary {
				wantTemporary(t, err)
			}
		})
	}
}

// TestCallbackAsWritten: what servers forget to escape, or escape too much, is read as a
// browser would.
func TestCallbackAsWritten(t *testing.T) {
	f := newFake(t)
	for query, want := range map[string]string{ // the code that is sent, or the error
		"code=x&state=STATE&session=a;b":                                       "x",
		"session=a;b;c&code=x&state=STATE":                                     "x",
		"code=x&state=STATE&share=100%":                                        "x",
		"code=a+b/c==&state=STATE":                                             "a+b/c==",
		"code=a%2Bb%2fc%3D%3D&state=STATE":                                     "a+b/c==",
		"code=x&amp;state=STATE":                                               "x",
		"state=STATE&amp;iss=https://other.example&amp;code=x":                 "x", // no issuer is known
		"error=access_denied&error_description=no;+and+never&state=STATE":      "access_denied: no; and never",
		"error=access_denied&error_description=100%+no&state=STATE":            "access_denied: 100% no",
		"error=access_denied&error_description=%D0%BD%D0%B5%D1%82&state=STATE": "access_denied: нет",
	} {
		f.posts = nil
		l := begin(t, f.client())
		l.request(http.MethodGet, l.at(nil)+"?"+strings.Replace(query, "STATE", l.query.Get("state"), 1), "")
		_, err := l.end()
		got := fmt.Sprint(err)
		if posts := f.requests(); len(posts) == 1 {
			got = posts[0].form.Get("code")
		}
		if !strings.HasSuffix(got, want) {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
}

// TestCallbackTwice: if the user reloads the page, the browser sends the answer again: it
// redeems nothing and shows the same page.
func TestCallbackTwice(t *testing.T) {
	f := newFake(t)
	l := begin(t, f.client())
	address := l.answer(url.Values{"code": {"the-code"}})
	for range 2 {
		if resp := l.request(http.MethodGet, address, ""); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("%s, want to be sent to the page", resp.Status)
		}
	}
	l.succeed()
	if n := len(f.requests()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// TestNobodyComes: an authorization server that does not know the client or the redirect
// URI says so in the browser, and nothing arrives here. What may be wrong is named when
// the time is over, and what came without our state is quoted.
func TestNobodyComes(t *testing.T) {
	f := newFake(t)
	for name, test := range map[string]struct {
		came  []url.Values
		post  bool // something came by POST
		words []string
		not   []string
	}{
		"nothing came":         {words: []string{"the login to flyte.example.com was not completed within 300ms", "the client is app", "the redirect URI is http://127.0.0.1:PORT/cb"}, not: []string{"an answer arrived"}},
		"error, no state":      {came: []url.Values{{"error": {"invalid_state"}, "error_description": {"the \x1b[31mstate is missing"}}}, words: []string{"invalid_state: the [31mstate is missing"}},
		"error, wrong state":   {came: []url.Values{{"error": {"access_denied"}, "state": {"wrong"}}}, words: []string{"access_denied"}},
		"no error, no state":   {came: []url.Values{{"code": {"stolen"}}}, not: []string{"stolen", "an answer arrived"}},
		"two of them":          {came: []url.Values{{"error": {"one"}}, {"error": {"two"}}}, words: []string{"answered two"}, not: []string{"answered one"}},
		"an endless one":       {came: []url.Values{{"error": {"x"}, "error_description": {strings.Repeat("y", 10<<10)}}}, words: []string{"answered x: yyy"}, not: []string{strings.Repeat("y", 501)}},
		"as a form":            {post: true, words: []string{"the browser sent a POST to the redirect URI: does the server answer with response_mode form_post?"}},
		"in the fragment":      {came: []url.Values{{}}, words: []string{"came to the redirect URI without parameters"}},
		"error after that":     {came: []url.Values{{}, {"error": {"one"}}}, words: []string{"answered one"}, not: []string{"parameters"}},
		"an error of no words": {came: []url.Values{{"error": {""}}}, not: []string{"an answer arrived"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := f.client()
			c.Endpoint, c.LoginTimeout = "flyte.example.com", 300*time.Millisecond
			l := begin(t, c)
			if test.post {
				l.request(http.MethodPost, l.at(nil), "code=x&state="+l.query.Get("state"), "Content-Type", "application/x-www-form-urlencoded")
			}
			for _, q := range test.came {
				if resp, page := l.visit(l.at(q)); resp.StatusCode != http.StatusBadRequest || !strings.Contains(page, "Not this login") {
					t.Errorf("%s\n%s", resp.Status, page)
				}
			}
			_, err := l.end()
			wantTemporary(t, err)
			if err == nil {
				return
			}
			for _, words := range test.words {
				if words = strings.Replace(words, "PORT", l.redirect.Port(), 1); !strings.Contains(err.Error(), words) {
					t.Errorf("got %q, want to read of %q", err, words)
				}
			}
			for _, words := range test.not {
				if strings.Contains(err.Error(), words) {
					t.Errorf("got %q, not to read of %q", err, words)
				}
			}
			wantHarmless(t, err)
		})
	}
}

// TestCallbackAddress: the redirect URI is sent as it is written, and the client listens
// at its address.
func TestCallbackAddress(t *testing.T) {
	f := newFake(t)
	for redirect, path := range map[string]string{
		"":                          "/",
		"http://127.0.0.1":          "/",
		"http://localhost":          "/",
		"http://localhost/callback": "/callback",
		"http://[::1]/callback":     "/callback",
		"http://localhost/a%2fb/":   "/a%2fb/",
		"http://localhost/callback?tenant=a&b=c+d": "/callback?tenant=a&b=c+d",
	} {
		t.Run(redirect, func(t *testing.T) {
			c := f.client()
			c.RedirectURI = redirect
			l := begin(t, c)
			host, rest, _ := strings.Cut(strings.TrimPrefix(redirect, "http://"), "/")
			if redirect == "" {
				host = "127.0.0.1"
			}
			want := "http://" + host + ":" + l.redirect.Port()
			if rest != "" {
				want += "/" + rest
			}
			if got := l.query.Get("redirect_uri"); got != want {
				t.Errorf("the redirect URI is %s, want %s", got, want)
			}
			between := "?"
			if strings.Contains(path, "?") {
				between = "&"
			}
			l.visit("http://" + l.redirect.Host + path + between + url.Values{"code": {"x"}, "state": {l.query.Get("state")}}.Encode())
			l.succeed()
			posts := f.requests()
			if got := posts[len(posts)-1].form.Get("redirect_uri"); got != want {
				t.Errorf("the exchange names %s, want %s", got, want)
			}
		})
	}
}
