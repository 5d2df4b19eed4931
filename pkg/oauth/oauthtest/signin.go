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

// SignIn is a browser with a person who says yes: it opens an authorization
// URL, sends the form of the sign-in page as it is shown, and follows redirects
// through the client's callback to the last page, which it returns. It returns
// an error as well as the page if that page's status is 400 or more.
//
// The client decides which certificates are trusted; nil is [http.Client]'s
// zero value.
func SignIn(ctx context.Context, client *http.Client, authorizationURL string) (page string, err error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	browser := http.Client{Jar: jar}
	if client != nil {
		browser.Transport, browser.Timeout = client.Transport, client.Timeout
	}
	page, at, err := visit(ctx, &browser, http.MethodGet, authorizationURL, nil)
	if form := formOf(page); err == nil && form != nil {
		page, _, err = visit(ctx, &browser, http.MethodPost, at, form)
	}
	return page, err
}

// visit returns the page at which redirects end, and where that is.
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
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err == nil && response.StatusCode >= 400 {
		err = fmt.Errorf("oauthtest: the last page's status is %s", response.Status)
	}
	return string(body), response.Request.URL.String(), err
}

var input = regexp.MustCompile(`<input name="([^"]*)" value="([^"]*)"`)

// formOf gives the fields of a page of this package as they are shown, or nil
// if it has no form. The button that says no is none of them.
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
