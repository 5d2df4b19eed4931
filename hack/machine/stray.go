package machine

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// strays is the end of the name of the file that says how a listener answered.
const strays = ".strays"

// stray is at the listener of a login before the person is, as other pages of the
// browser, its preview and other programs may be: with nothing, with an answer
// and an error that somebody made up, for an icon, and with a preflight request.
func stray(ctx context.Context, log, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	to := u.Query().Get("redirect_uri")
	for _, r := range []struct{ method, rest string }{
		{http.MethodGet, ""},
		{http.MethodGet, "?code=forged&state=forged"},
		{http.MethodGet, "?error=access_denied&state=forged"},
		{http.MethodGet, "/favicon.ico"},
		{http.MethodOptions, ""},
	} {
		if err := knock(ctx, log, r.method, to+r.rest); err != nil {
			return err
		}
	}
	return nil
}

// knock makes a request and writes the whole answer to log.
func knock(ctx context.Context, log, method, address string) error {
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultTransport.RoundTrip(request) // a redirect is an answer
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	var header strings.Builder
	_ = answer.Header.Write(&header) // to memory
	return appendLine(log, fmt.Sprintf("%d %s%s", answer.StatusCode, header.String(), body))
}

// Strays says how the listener answered those who were there before the person,
// if the habit was [Strays]: status, header and body of each.
func (m *Machine) Strays() (string, error) {
	text, err := os.ReadFile(m.Log() + strays)
	return string(text), err
}
