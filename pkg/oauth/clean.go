package oauth

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode"
)

const (
	// leastSecret is the length in bytes from which a value that was sent is cut out of
	// the server's text. Shorter ones occur in ordinary words.
	leastSecret = 4
	// pieceLength is the length in bytes from which a part of such a value is cut out.
	// Servers shorten what they repeat.
	pieceLength = 8
	// mostCleaned is the length in bytes of a server's text that is looked at.
	mostCleaned = 8 << 10
)

// cleaner returns the function that makes a server's text safe to show: it cuts out
// what was sent, whole or in part, in each encoding in which a server may repeat it, and
// then applies [Printable].
func cleaner(sent []string) func(string) string {
	pieces := sync.OnceValue(func() map[string]bool { return piecesOf(sent) }) // most answers have no text to clean
	return func(text string) string {
		// Characters that are not shown may split a value.
		return Printable(cut(visible(text[:min(len(text), mostCleaned)]), pieces()))
	}
}

// Cleaner returns the function that makes the text of resp safe to show: it cuts out
// the values of the headers that the request carried and applies [Printable].
func Cleaner(resp *http.Response) func(string) string { return cleaner(sentHeaders(resp)) }

// piecesOf lists the parts of values that must not be shown, in lower case: each run of
// pieceLength bytes, or the whole of a shorter one.
func piecesOf(values []string) map[string]bool {
	pieces := map[string]bool{}
	for _, value := range values {
		if len(value) < leastSecret {
			continue
		}
		for _, form := range encodings(value) {
			form = lowerASCII(visible(form))
			n := min(len(form), pieceLength)
			for i := 0; i+n <= len(form); i++ {
				pieces[form[i:i+n]] = true
			}
		}
	}
	return pieces
}

// encodings lists the forms in which a server may repeat a value. In Base64 the form
// depends on where in a longer text the value begins.
func encodings(value string) []string {
	quoted, _ := json.Marshal(value) // a string always marshals
	forms := []string{value, url.QueryEscape(value), url.PathEscape(value), strings.Trim(string(quoted), `"`), html.EscapeString(value)}
	hexadecimal := hex.EncodeToString([]byte(value))
	var percent strings.Builder
	for i := 0; i < len(hexadecimal); i += 2 {
		percent.WriteString("%" + hexadecimal[i:i+2])
	}
	forms = append(forms, hexadecimal, percent.String(), base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(value)))
	for skipped := range 3 {
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			if form := encoding.EncodeToString([]byte(value[skipped:])); len(form) >= pieceLength {
				forms = append(forms, form)
			}
		}
	}
	return forms
}

// cut replaces each run of pieces in text, in any case of letters, by an ellipsis.
func cut(text string, pieces map[string]bool) string {
	lower, found := lowerASCII(text), make([]bool, len(text))
	for n := leastSecret; n <= pieceLength; n++ {
		for i := 0; i+n <= len(lower); i++ {
			if pieces[lower[i:i+n]] {
				for j := i; j < i+n; j++ {
					found[j] = true
				}
			}
		}
	}
	var b strings.Builder
	for i := range len(text) {
		switch {
		case !found[i]:
			b.WriteByte(text[i])
		case i == 0 || !found[i-1]:
			b.WriteString("…")
		}
	}
	return b.String()
}

// lowerASCII changes no byte but letters of ASCII, so that offsets stay the same.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// sentValues are the values of a request's parameters that must not be shown: all except
// those that name the request, the client, the user and what is asked for.
func sentValues(form url.Values) (sent []string) {
	public := []string{
		"audience", "client_id", "code_challenge_method", "grant_type", "login_hint", "prompt", "redirect_uri",
		"resource", "response_type", "scope", "token_type_hint",
	}
	for name, values := range form {
		if !slices.Contains(public, name) {
			sent = append(sent, values...)
		}
	}
	return sent
}

// sentHeaders are the values of the headers that the request for resp carried, as the
// transport sent them: all except those that every request carries.
func sentHeaders(resp *http.Response) (sent []string) {
	public := []string{
		"Accept", "Accept-Encoding", "Cache-Control", "Connect-Protocol-Version", "Content-Length", "Content-Type", "Referer", "Te", "User-Agent",
	}
	for name, values := range resp.Request.Header {
		if slices.Contains(public, http.CanonicalHeaderKey(name)) {
			continue
		}
		for _, value := range values {
			_, credentials, _ := strings.Cut(value, " ") // RFC 9110 §11.4
			sent = append(sent, value, credentials)
			if pair, err := base64.StdEncoding.DecodeString(credentials); err == nil { // RFC 7617 §2
				_, password, _ := strings.Cut(string(pair), ":")
				sent = append(sent, password)
			}
		}
	}
	return sent
}

// mostText is the number of characters that are shown of a text from outside.
const mostText = 500

// Printable makes a text from outside fit for a line on a terminal or a page: no
// control, format or bidirectional characters, and 500 characters at most.
func Printable(s string) string {
	s, n := visible(s), 0
	for i := range s {
		if n == mostText {
			return s[:i] + "…"
		}
		n++
	}
	return strings.TrimSpace(s)
}

// visible drops the characters that a line of text does not show.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
}
