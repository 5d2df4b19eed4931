package oauth

import (
	"crypto/rand"
	"crypto/subtle"
	"html"
	"net/http"
	"net/url"
	"strings"
)

// confirmation is the page with Client.Confirm, which the browser opens before the sign-in
// page. Its path and token are random: no other page can send its form.
type confirmation struct {
	path, token string
	next        string // the authorization request
}

// confirmFirst returns the address that the browser opens: that of the page with the
// question, if there is one, or address.
func (l *listener) confirmFirst(address string) string {
	if l.login.client.Confirm == "" {
		return address
	}
	l.confirm = &confirmation{path: "/" + rand.Text(), token: rand.Text(), next: address}
	u, _ := url.Parse(l.login.redirectURI) // made by us
	u.Path, u.RawPath, u.RawQuery = l.confirm.path, "", ""
	return u.String()
}

// asks reports whether a request is for the page with the question.
func (c *confirmation) asks(r *http.Request) bool {
	return c != nil && r.URL.EscapedPath() == c.path
}

// serveConfirm shows the question and takes the answer. After yes it sends the browser to
// the sign-in page with Refresh instead of a redirect: form-action would apply to each
// redirect that follows, and sign-in pages redirect to other hosts.
func (l *listener) serveConfirm(w http.ResponseWriter, r *http.Request) {
	c := l.confirm
	h := w.Header()
	h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"), "form-action 'none'", "form-action 'self'", 1))
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	switch {
	case r.Method == http.MethodGet:
		write(w, http.StatusOK, l.login.client.question(l.endpoint, c.token))
	case r.Method != http.MethodPost:
		h.Set("Allow", "GET, POST")
		refuse(w, http.StatusMethodNotAllowed)
	case subtle.ConstantTimeCompare([]byte(r.PostFormValue("token")), []byte(c.token)) != 1:
		refuse(w, http.StatusForbidden)
	case r.PostFormValue("answer") == "no":
		err := NotConfirmed(l.endpoint)
		write(w, http.StatusForbidden, l.login.client.page(l.endpoint, err))
		_ = http.NewResponseController(w).Flush() // the end of the login ends the connection
		l.login.fail(err)
	default:
		h.Set("Refresh", "0; url="+c.next)
		write(w, http.StatusOK, document("Log in", "Log in to "+l.endpoint, "The sign-in page opens now.", "#1a7f37"))
	}
}

// NotConfirmed is the error of a login whose servers the user did not accept.
func NotConfirmed(endpoint string) *Error {
	return &Error{Class: ClassRefused, Problem: "the login to " + endpoint + " was not confirmed", Shown: true}
}

// question is the page with Confirm. A button without a name means yes.
func (c *Client) question(endpoint, token string) string {
	form := `<form method="post">
<input name="token" value="` + token + `" type="hidden">
<button>Continue to the sign-in page</button>
<button name="answer" value="no">Cancel</button>
</form>
`
	var text strings.Builder
	for line := range strings.Lines(c.Confirm) {
		text.WriteString("<p>" + html.EscapeString(Printable(strings.TrimSuffix(line, "\n"))) + "</p>\n")
	}
	return strings.Replace(document("Log in?", "Log in to "+endpoint+"?", "", "#9a6700"), "<p></p>\n", text.String()+form, 1)
}
