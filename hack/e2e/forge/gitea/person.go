package gitea

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// maxPages is the limit for the number of pages in a login.
const maxPages = 10

// SignIn signs Alice in as a browser would: it opens an authorization URL, fills in and
// sends the form of each page, and ends at the first page without a form.
func SignIn(ctx context.Context, transport http.RoundTripper, address string) error {
	b, err := newBrowser(transport)
	if err != nil {
		return err
	}
	_, err = b.open(ctx, address)
	return err
}

var revokeButton = regexp.MustCompile(`data-url="([^"]*/revoke/[^"]*)"`)

// EndGrants revokes all grants of Alice at the forge.
func (s *Server) EndGrants(ctx context.Context) error {
	b, err := newBrowser(s.Client().Transport)
	if err != nil {
		return err
	}
	page, err := b.open(ctx, s.URL("/user/settings/applications"))
	if err != nil {
		return err
	}
	buttons := revokeButton.FindAllStringSubmatch(page, -1)
	if len(buttons) == 0 {
		return errors.New("gitea: nothing is granted")
	}
	for _, button := range buttons {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL(button[1]), nil)
		if err != nil {
			return err
		}
		if _, _, err := b.visit(request); err != nil {
			return err
		}
	}
	return nil
}

// browser is the browser of Alice.
type browser struct{ http.Client }

func newBrowser(transport http.RoundTripper) (*browser, error) {
	jar, err := cookiejar.New(nil)
	return &browser{http.Client{Jar: jar, Transport: transport}}, err
}

// open follows all forms and returns the last page.
func (b *browser) open(ctx context.Context, address string) (page string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	for range maxPages {
		if err != nil {
			return "", err
		}
		var at *url.URL
		if page, at, err = b.visit(request); err != nil {
			return "", err
		}
		f := formOf(page)
		if f == nil {
			return page, nil
		}
		request, err = f.send(ctx, at)
	}
	return "", fmt.Errorf("gitea: no end after %d pages", maxPages)
}

// visit follows redirects and returns the last page and its URL.
func (b *browser) visit(request *http.Request) (page string, at *url.URL, err error) {
	response, err := b.Do(request)
	if err != nil {
		return "", nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err == nil && response.StatusCode >= 400 {
		err = fmt.Errorf("gitea: the last page's status is %s", response.Status)
	}
	return string(body), response.Request.URL, err
}

// form is a filled-in form.
type form struct {
	action string
	fields url.Values
}

// send returns the request that submits a form of the page at an address.
func (f *form) send(ctx context.Context, at *url.URL) (*http.Request, error) {
	to, err := at.Parse(f.action)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), strings.NewReader(f.fields.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request, nil
}

// formOf returns the page's form for login or consent, or nil. Gitea's pages have other
// forms too, for example for the language.
func formOf(page string) *form {
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return nil
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		f := fill(n)
		if f.fields.Has("user_name") || f.fields.Has("granted") {
			return f
		}
	}
	return nil
}

// fill fills in a form. Of several buttons with the same name it uses the first, which
// approves.
func fill(n *html.Node) *form {
	f := &form{action: attribute(n, "action"), fields: url.Values{}}
	for field := range n.Descendants() {
		if field.Type != html.ElementNode || field.Data != "input" && field.Data != "button" {
			continue
		}
		switch name := attribute(field, "name"); {
		case name == "user_name":
			f.fields.Set(name, Alice)
		case name == "password":
			f.fields.Set(name, password)
		case name != "" && !f.fields.Has(name):
			f.fields.Set(name, attribute(field, "value"))
		}
	}
	return f
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
