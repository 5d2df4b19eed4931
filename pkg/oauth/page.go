package oauth

import (
	"html"
	"net/http"
	"strings"
	"time"
)

// Pages are what the browser shows at the end of a login: HTML documents with their own
// style. They may show images from https addresses and data URLs. Scripts, frames, forms
// and other resources are blocked. An empty one means our own.
type Pages struct {
	Success, Failure string
}

// pageTimeout is how long a browser may take to read a page, from its first
// byte.
const pageTimeout = 10 * time.Second

// page is the document for an outcome. It loads nothing and runs nothing.
func (c *Client) page(endpoint string, err error) string {
	switch {
	case err == nil && c.Pages.Success != "":
		return c.Pages.Success
	case err != nil && c.Pages.Failure != "":
		return c.Pages.Failure
	case err == nil:
		return document("Logged in", "You are logged in to "+endpoint+".", "You may close this page and go back to your work.", "#1a7f37")
	}
	return document("Not logged in", "The login to "+endpoint+" failed.", err.Error(), "#cf222e")
}

func document(title, heading, words, colour string) string {
	return strings.NewReplacer(
		"{title}", html.EscapeString(title),
		"{heading}", html.EscapeString(Printable(heading)),
		"{words}", html.EscapeString(Printable(words)),
		"{colour}", colour,
	).Replace(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
:root { color-scheme: light dark }
body { font: 1.1rem/1.5 system-ui, sans-serif; margin: 18vh auto; max-width: 34rem; padding: 0 1.5rem }
h1 { font-size: 1.4rem; border-left: .35rem solid {colour}; padding-left: .9rem }
p { padding-left: 1.25rem; overflow-wrap: anywhere }
</style>
</head>
<body>
<main>
<h1>{heading}</h1>
<p>{words}</p>
</main>
</body>
</html>
`)
}

// protect sets the headers that every answer of the listener carries.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data: https:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

func write(w http.ResponseWriter, status int, document string) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(pageTimeout))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(document))
}
