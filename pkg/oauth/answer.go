package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// answer is a server's answer to a request. A body is judged by its content: the
// Content-Type only helps to explain a body that is not JSON.
type answer struct {
	resp   *http.Response
	fields map[string]json.RawMessage // of the JSON object, or of a form
	clean  func(string) string        // makes the server's text safe to show
	after  time.Duration              // for how long the server wants not to be asked again
}

// newAnswer reads the body of resp, the answer to what was asked at that time. sent
// lists what must not be shown. It returns an [Error] if the body is not a JSON object.
func newAnswer(resp *http.Response, body []byte, sent []string, asked time.Time) (*answer, error) {
	a := &answer{resp: resp, clean: cleaner(append(sent, sentHeaders(resp)...)), after: retryAfter(resp, asked)}
	fields, err := decodeObject(body)
	if err != nil {
		fields = formToken(resp, body)
	}
	if fields == nil {
		return nil, a.notJSON(body)
	}
	a.fields = fields
	return a, nil
}

// host is the server that answered.
func (a *answer) host() string { return a.resp.Request.URL.Host }

// text returns a member that is a string, as it was sent; "" for anything else.
func (a *answer) text(name string) string { return text(a.fields[name]) }

// temporary returns an error of a server that answered, and what was wrong with it.
func (a *answer) temporary(what string) *Error {
	e := Temporary("%s", strings.TrimSpace(a.host()+" answered "+status(a.resp)+" "+what)+a.explanation())
	e.Host, e.RetryAfter, e.status = a.host(), a.after, a.resp.StatusCode
	return e
}

// explanation is what an answer without an error of RFC 6749 says of itself, as the end of a
// sentence: gateways and other APIs have a member for it, or a list of errors (Fitbit).
func (a *answer) explanation() string {
	fields := a.fields
	var list []json.RawMessage
	if json.Unmarshal(fields["errors"], &list) == nil && len(list) > 0 {
		if words := text(list[0]); words != "" { // Vault
			return ": " + a.clean(words)
		}
		_ = json.Unmarshal(list[0], &fields) // anything else has no member
	}
	for _, name := range []string{"error_description", "message", "error_message", "errorSummary", "errmsg", "detail", "title"} {
		if words := a.clean(text(fields[name])); words != "" && words != http.StatusText(a.resp.StatusCode) {
			return ": " + words
		}
	}
	return ""
}

// notJSON is the error of an answer without a JSON object. A redirect is not followed: what
// the request carries is for the host that was asked.
func (a *answer) notJSON(body []byte) *Error {
	switch to, err := a.resp.Location(); {
	case a.resp.StatusCode >= 500:
		return a.temporary("")
	case err == nil && a.resp.StatusCode/100 == 3:
		return a.temporary("and sends us to " + a.clean(to.Host))
	case len(bytes.TrimSpace(body)) == 0:
		return a.temporary("without a body")
	}
	if kind, _, _ := mime.ParseMediaType(a.resp.Header.Get("Content-Type")); kind == "application/json" || strings.HasSuffix(kind, "+json") {
		return a.temporary("with broken JSON")
	}
	return a.temporary("with " + a.clean(contentType(a.resp)) + " where JSON was due")
}

// refusalStatuses are those by which a server refuses a request (RFC 6749 §5.2; GitHub
// refuses with 200, Gitea with 403). Any other status is one of a server in trouble,
// or of something in front of it.
func refusalStatuses() []int {
	return []int{http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden}
}

// failure returns the error that the answer names, or nil if it names none. It is a
// refusal only with a status of [refusalStatuses]. The words of the status are no code: by
// them web frameworks and gateways say that they did not handle the request (Spring Boot).
func (a *answer) failure() *Error {
	code, description, ok := errorMember(a.fields)
	if !ok || a.resp.StatusCode/100 == 3 { // a redirect refuses nothing
		return nil
	}
	if code == http.StatusText(a.resp.StatusCode) {
		return a.temporary("")
	}
	e := a.temporary("")
	e.Problem, e.Code, e.Description, e.URI = "", a.clean(code), a.clean(description), a.clean(a.text("error_uri"))
	switch {
	case !errorSyntax(code):
		e.Code, e.Problem = "", a.host()+" answered "+status(a.resp)+": "+strings.TrimSpace(a.clean(code)+" "+e.Description)
	case slices.Contains(refusalStatuses(), a.resp.StatusCode) && !laterCode(code):
		e.Class = ClassRefused
	}
	return e
}

// errorMember reads the members error and error_description of RFC 6749 §5.2, or the
// object that other servers send for error, with a code and a message.
func errorMember(fields map[string]json.RawMessage) (code, description string, ok bool) {
	if code := text(fields["error"]); code != "" {
		return code, text(fields["error_description"]), true
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(fields["error"], &object) != nil || object == nil {
		return "", "", false
	}
	code, description = text(object["code"]), text(object["message"])
	if n := json.Number(""); code == "" && json.Unmarshal(object["code"], &n) == nil {
		code = n.String()
	}
	return code, description, code != "" || description != ""
}

// errorSyntax reports whether code is one of RFC 6749's (§5.2: visible ASCII except
// quotation mark and backslash, and spaces) and not merely a number.
func errorSyntax(code string) bool {
	for _, r := range code {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return false
		}
	}
	_, err := strconv.Atoi(code)
	return code != "" && err != nil
}

// decodeObject reads a body that is one JSON object. A leading byte order mark is
// skipped; anything after the object is an error.
func decodeObject(body []byte) (map[string]json.RawMessage, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	decoder := json.NewDecoder(bytes.NewReader(body))
	var fields map[string]json.RawMessage
	if err := decoder.Decode(&fields); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF || fields == nil {
		return nil, errors.New("not one JSON object")
	}
	return fields, nil
}

// formToken reads a token answer that is form-encoded, as x/oauth2 does. It returns
// nil for every other answer.
func formToken(resp *http.Response, body []byte) map[string]json.RawMessage {
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || resp.StatusCode != http.StatusOK {
		return nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("access_token") == "" {
		return nil
	}
	fields := map[string]json.RawMessage{}
	for name, values := range form {
		fields[name], _ = json.Marshal(values[0]) // a string always marshals
	}
	return fields
}

// retryAfter reads Retry-After (RFC 9110 §10.2.3) of an answer by which a server says
// that it did nothing. It returns 0 for every other answer.
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	said := resp.Header.Get("Retry-After")
	if n, err := strconv.ParseUint(said, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(said); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// contentType names the media type of an answer for people.
func contentType(resp *http.Response) string {
	t, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case err != nil || t == "":
		return "something"
	case t == "text/html":
		return "HTML (a captive portal, or a proxy?)"
	}
	return Printable(t)
}

func status(resp *http.Response) string {
	return strings.TrimSpace(strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode))
}

// text reads a JSON string; anything else counts as absent.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// textOrNumber reads a JSON string, or a number as it is written: some servers send numbers
// for identifiers. Anything else counts as absent.
func textOrNumber(raw json.RawMessage) string {
	if n := json.Number(""); json.Unmarshal(raw, &n) == nil && len(raw) > 0 && raw[0] != '"' {
		return n.String()
	}
	return text(raw)
}

// words reads a list that servers send as an array of strings or as one string with
// blanks; anything else counts as absent.
func words(raw json.RawMessage) []string {
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return list
	}
	if s := text(raw); s != "" {
		return strings.Fields(s)
	}
	return nil
}

// truth reads a boolean that servers send as such or as a string; anything else
// counts as false.
func truth(raw json.RawMessage) bool {
	var b bool
	if json.Unmarshal(raw, &b) == nil {
		return b
	}
	b, _ = strconv.ParseBool(strings.Trim(string(raw), `"`)) // a string, or the number 1
	return b
}

// seconds reads a duration in seconds, which servers send as a number, a fraction or a
// string: 0 if absent, unreadable or not positive, ten years at most.
func seconds(raw json.RawMessage) time.Duration {
	const most = 10 * 365 * 24 * 3600
	n, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	if err != nil || !(n > 0) { // NaN is not positive either
		return 0
	}
	return time.Duration(min(n, most) * float64(time.Second))
}
