package oauthtest

import (
	_ "embed"
	"html/template"
	"net/http"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const signInPath = "/sign-in"

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// page is a page for the user: a form if User is set, otherwise a sentence.
type page struct {
	Title    string
	Client   string
	User     string
	UserCode string
	AskCode  bool
	Submit   bool // by script
}

func (p page) write(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = pageTemplate.Execute(w, p) // fails only if the client has disconnected
}

// serveSignIn serves the sign-in page and handles its form.
func (s *Server) serveSignIn(w http.ResponseWriter, r *http.Request) {
	request, ok := s.store.authRequest(r.Form.Get("id"))
	if !ok {
		page{Title: "This sign-in is over"}.write(w, http.StatusNotFound)
		return
	}
	user, deny := s.store.signInUser(request.LoginHint)
	switch {
	case r.Method != http.MethodPost:
		page{Title: "Sign in", Client: request.client, User: user, Submit: s.store.settings().SubmitSignIn}.write(w, http.StatusOK)
	case deny || r.PostForm.Get("answer") == "no":
		op.AuthRequestError(w, r, request, oidc.ErrAccessDenied().WithDescription("the person said no"), s.provider)
	default:
		op.AuthResponse(s.store.signIn(request, r.PostForm.Get("username")), s.provider, w, r)
	}
}
