package oauthtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
)

// change applies the oddity to an answer.
func (o Oddity) change(s *Server, answer *httptest.ResponseRecorder, r *http.Request) {
	var object map[string]any
	switch location := answer.Header().Get("Location"); {
	case location != "":
		if s.leadsToClient(location) {
			answer.Header().Set("Location", o.changeRedirect(location, r))
		}
	case json.Unmarshal(answer.Body.Bytes(), &object) == nil && object != nil:
		o.changeObject(s, object, r)
		if _, refused := object["error"]; refused && o.ErrorStatus != 0 {
			answer.Code = o.ErrorStatus
		}
		o.encode(answer, object)
	case o.Echo:
		answer.Body.WriteString("\n" + echo(r))
	}
	o.changeBody(answer)
}

func (o Oddity) changeObject(s *Server, object map[string]any, r *http.Request) {
	if token, ok := object["id_token"].(string); ok && o.changesIDToken() {
		object["id_token"] = o.changeIDToken(s, token)
	}
	if keys, ok := object["keys"].([]any); ok && o.changesKeys() {
		object["keys"] = o.changeKeys(keys)
	}
	for name, renamed := range o.Rename {
		if value, ok := object[name]; ok {
			delete(object, name)
			object[renamed] = value
		}
	}
	for _, name := range o.Drop {
		delete(object, name)
	}
	maps.Copy(object, o.Set)
	if o.Echo {
		object["error_description"] = echo(r)
		object["error_uri"] = echoURI(r)
	}
}

// changeRedirect changes the parameters of an authorization response.
func (o Oddity) changeRedirect(location string, r *http.Request) string {
	u, err := url.Parse(location)
	if err != nil {
		return location
	}
	query := u.Query()
	for name, renamed := range o.Rename {
		if query.Has(name) {
			query.Set(renamed, query.Get(name))
			query.Del(name)
		}
	}
	for _, name := range o.Drop {
		query.Del(name)
	}
	for name, value := range o.Set {
		query.Set(name, plain(value))
	}
	if o.Echo {
		query.Set("error_description", echo(r))
		query.Set("error_uri", echoURI(r))
	}
	u.RawQuery = query.Encode()
	return u.String()
}

func (o Oddity) encode(answer *httptest.ResponseRecorder, object map[string]any) {
	if !o.Form {
		writeJSON(answer, object)
		return
	}
	form := url.Values{}
	for name, value := range object {
		form.Set(name, plain(value))
	}
	answer.Body.Reset()
	answer.Body.WriteString(form.Encode())
	answer.Header().Set("Content-Type", "application/x-www-form-urlencoded")
}

// plain returns a JSON value as the value of a parameter.
func plain(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("oauthtest: %v", err)) // the test set a value that JSON does not have
	}
	return string(text)
}

func (o Oddity) changeBody(answer *httptest.ResponseRecorder) {
	answer.Body.WriteString(o.Trailing)
	if o.BOM {
		body := answer.Body.String()
		answer.Body.Reset()
		answer.Body.WriteString("\uFEFF" + body)
	}
	if o.ContentType != "" {
		answer.Header().Set("Content-Type", o.ContentType)
	}
	if o.NoContentType {
		answer.Header()["Content-Type"] = nil // net/http detects a type if there is no entry
	}
}

// echo repeats a request: its first line, header and form, as they were sent
// and decoded.
func echo(r *http.Request) string {
	lines := []string{r.Method + " " + r.RequestURI}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		lines = append(lines, name+": "+strings.Join(r.Header[name], ", "))
	}
	if user, password, ok := r.BasicAuth(); ok {
		lines = append(lines, "Basic "+user+":"+password)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Form)) {
		lines = append(lines, name+"="+strings.Join(r.Form[name], ","))
	}
	return strings.Join(append(lines, r.Form.Encode()), "\n")
}

func echoURI(r *http.Request) string { return "https://errors.example.com/?" + r.Form.Encode() }
