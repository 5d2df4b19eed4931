package oauthtest

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// SignIn signs a user in as a browser would: it opens an authorization URL, or the client's
// own page before it, sends the form of each page unchanged, and follows redirects through
// the client's callback to the last page, which it returns. If the status of that page is 400 or
// more, it also returns an error.
//
// client determines which certificates are trusted; nil: the zero [http.Client].
func SignIn(ctx context.Context, client *http.Client, authorizationURL string) (page string, err error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	browser := http.Client{Jar: jar, Transport: unshared()}
	if client != nil {
		browser.Transport, browser.Timeout = client.Transport, client.Timeout
	}
	page, at, err := visit(ctx, &browser, http.MethodGet, authorizationURL, nil)
	for range 2 { // the client's page and the sign-in page
		if form := formOf(page); err == nil && form != nil {
			page, at, err = visit(ctx, &browser, http.MethodPost, at, form)
		}
	}
	return page, err
}

// Decline opens an address and sends the form there with the answer no.
func Decline(ctx context.Context, client *http.Client, address string) (page string, err error) {
	if client == nil {
		client = &http.Client{Transport: unshared()}
	}
	page, at, err := visit(ctx, client, http.MethodGet, address, nil)
	if form := formOf(page); err == nil && form != nil {
		form.Set("answer", "no")
		page, _, err = visit(ctx, client, http.MethodPost, at, form)
	}
	return page, err
}

// unshared is a transport that shares no connection with another. The end of any server of
// httptest ends requests on the idle connections of http.DefaultTransport.
func unshared() *http.Transport { return &http.Transport{DisableKeepAlives: true} }

// visit follows redirects, and a page that opens another, and returns the last page and its
// URL.
func visit(ctx context.Context, browser *http.Client, method, address string, form url.Values) (page, at string, err error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := browser.Do(request)
	if err != nil {
		return "", "", err
	}
	defer response.Body.Close()
	if _, next, found := strings.Cut(response.Header.Get("Refresh"), "url="); found {
		return visit(ctx, browser, http.MethodGet, next, nil)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err == nil && response.StatusCode >= 400 {
		err = fmt.Errorf("oauthtest: the last page's status is %s", response.Status)
	}
	return string(body), response.Request.URL.String(), err
}

var input = regexp.MustCompile(`<input name="([^"]*)" value="([^"]*)"`)

// formOf returns the fields of the form on a page of this package, or nil if it has
// no form. The button that denies access is not included.
func formOf(page string) url.Values {
	var form url.Values
	for _, field := range input.FindAllStringSubmatch(page, -1) {
		if form == nil {
			form = url.Values{}
		}
		form.Set(field[1], html.UnescapeString(field[2]))
	}
	return form
}
