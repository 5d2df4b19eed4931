package oauthtest_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func TestFault(t *testing.T) {
	const tokens = `"access_token"`
	for name, test := range map[string]struct {
		fault  oauthtest.Fault
		status int // 0, no answer
		body   string
		broken bool // while the body is read
		spent  bool // the provider did its work
		check  func(*http.Response) bool
	}{
		"status":            {fault: oauthtest.Fault{Status: 503}, status: 503},
		"after":             {fault: oauthtest.Fault{Status: 503, After: true}, status: 503, spent: true},
		"body":              {fault: oauthtest.Fault{Body: "<html>"}, status: 200, body: "<html>", check: header("Content-Type", "text/html; charset=utf-8")},
		"json":              {fault: oauthtest.Fault{Status: 400, Body: `{"error":"slow_down"}`}, status: 400, body: "slow_down", check: header("Content-Type", "application/json")},
		"content type":      {fault: oauthtest.Fault{ContentType: "text/html"}, status: 200, body: tokens, spent: true, check: header("Content-Type", "text/html")},
		"header":            {fault: oauthtest.Fault{Status: 429, Header: http.Header{"Retry-After": {"7"}}}, status: 429, check: header("Retry-After", "7")},
		"redirect":          {fault: oauthtest.Fault{Redirect: "http://evil.example/"}, status: 302, check: header("Location", "http://evil.example/")},
		"redirect with 307": {fault: oauthtest.Fault{Redirect: "http://evil.example/", Status: 307}, status: 307},
		"cut":               {fault: oauthtest.Fault{Cut: true}},
		"cut after":         {fault: oauthtest.Fault{Cut: true, After: true}, status: 200, body: tokens, broken: true, spent: true},
		"cut body":          {fault: oauthtest.Fault{Cut: true, Body: "0123456789"}, status: 200, body: "01234", broken: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, oauthtest.Config{})
			a := newApp(t, s)
			token := a.login(t).RefreshToken
			test.fault.Times = 1
			s.Fail("refresh_token", test.fault)

			response, err := refreshRaw(t.Context(), a, token)
			if err != nil {
				if test.status != 0 {
					t.Fatal(err)
				}
			} else {
				defer response.Body.Close()
				body, err := io.ReadAll(response.Body)
				if response.StatusCode != test.status || (err != nil) != test.broken || !strings.Contains(string(body), test.body) {
					t.Errorf("%d %q %v", response.StatusCode, body, err)
				}
				if test.body == "" && len(body) > 0 {
					t.Errorf("the answer is %q, want nothing", body)
				}
				if test.check != nil && !test.check(response) {
					t.Errorf("header: %v", response.Header)
				}
			}
			wantCount(t, s, "refresh_token", 1)

			// The fault is over. Whether the token was spent shows what the provider did.
			if _, err := a.refresh(token); (err != nil) != test.spent {
				t.Errorf("the next refresh: %v", err)
			}
		})
	}
}

func header(key, want string) func(*http.Response) bool {
	return func(r *http.Response) bool { return r.Header.Get(key) == want }
}

// refreshRaw does not follow redirects, and does not reuse a connection, on
// which Go would repeat a request that got no answer.
func refreshRaw(ctx context.Context, a *app, token string) (*http.Response, error) {
	body := "grant_type=refresh_token&client_id=" + a.ClientID + "&refresh_token=" + token
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.Endpoint.TokenURL, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return client.Do(request)
}

func TestSlowFaults(t *testing.T) {
	s := start(t, oauthtest.Config{})
	a := newApp(t, s)
	token := a.login(t).RefreshToken
	const slow = 100 * time.Millisecond
	for name, fault := range map[string]oauthtest.Fault{
		"delay": {Times: 1, Delay: slow},
		"drip":  {Times: 1, Drip: slow / 1000}, // the answer is longer than 1000 bytes
	} {
		s.Fail("token", fault)
		began := time.Now()
		token = a.mustRefresh(t, token)
		if took := time.Since(began); took < slow {
			t.Errorf("%s: took only %v", name, took)
		}
	}
	for name, fault := range map[string]oauthtest.Fault{
		"delay": {Times: 1, Delay: time.Hour},
		"hang":  {Times: 1, Hang: true},
	} {
		s.Fail("token", fault)
		ctx, cancel := context.WithTimeout(t.Context(), slow)
		if _, err := refreshRaw(ctx, a, token); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want a client that gave up", name, err)
		}
		cancel()
		token = a.mustRefresh(t, token) // was not spent
	}
}

func TestHeal(t *testing.T) {
	s := start(t, oauthtest.Config{})
	for _, test := range []struct {
		times int
		want  []int
	}{{2, []int{500, 500, 200}}, {0, []int{500, 500, 500, 500}}} {
		s.Fail("keys", oauthtest.Fault{Times: test.times, Status: 500})
		for i, want := range test.want {
			if got := status(t, s.URL+"/keys"); got != want {
				t.Errorf("times %d, request %d: %d, want %d", test.times, i, got, want)
			}
		}
		if got := status(t, s.URL+"/userinfo"); got != http.StatusUnauthorized {
			t.Errorf("userinfo answers %d", got)
		}
	}
	s.Heal()
	if got := status(t, s.URL+"/keys"); got != 200 {
		t.Errorf("after Heal: %d", got)
	}
	wantCount(t, s, "keys", 8)
}

func status(t *testing.T, url string) int {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

func TestCloseEndsWhatHangs(t *testing.T) {
	for name, c := range map[string]oauthtest.Config{"http": {}, "https": {TLS: true}} {
		t.Run(name, func(t *testing.T) {
			s, err := oauthtest.NewServer(c)
			if err != nil {
				t.Fatal(err)
			}
			s.Fail("keys", oauthtest.Fault{Hang: true})
			answered := make(chan error)
			go func() {
				_, err := s.Client().Get(s.URL + "/keys")
				answered <- err
			}()
			for s.Count("keys") == 0 {
				time.Sleep(time.Millisecond)
			}
			began := time.Now()
			s.Close()
			if err := <-answered; err == nil {
				t.Error("the hanging request was answered")
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("Close took %v", took)
			}
		})
	}
}

func TestCloseEndsHalfARequest(t *testing.T) {
	s, err := oauthtest.NewServer(oauthtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	connection, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	// The server asks for the body, which shows that it waits for it.
	io.WriteString(connection, "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
		"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n")
	if line, err := bufio.NewReader(connection).ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		t.Fatal(line, err)
	}
	began := time.Now()
	s.Close()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Close took %v", took)
	}
}

func TestSpoiltAnswerKeepsNothing(t *testing.T) {
	s := start(t, oauthtest.Config{})
	a := newApp(t, s)
	s.Fail("authorize", oauthtest.Fault{After: true, Status: http.StatusTeapot})
	response, err := http.Get(a.AuthCodeURL("st", oauth2.S256ChallengeOption(a.verifier)))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if location := response.Header.Get("Location"); location != "" || response.StatusCode != http.StatusTeapot {
		t.Errorf("%d with Location %q", response.StatusCode, location)
	}
}

func TestFaultsOverTLS(t *testing.T) {
	s := start(t, oauthtest.Config{TLS: true})
	s.Fail("keys", oauthtest.Fault{Times: 1, Body: "0123456789", Cut: true})
	response, err := s.Client().Get(s.URL + "/keys")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err == nil || string(body) != "01234" || response.ProtoMajor != 2 {
		t.Errorf("%s: %q, %v", response.Proto, body, err)
	}
}
