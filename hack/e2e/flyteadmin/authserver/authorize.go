package authserver

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/ory/fosite"
)

// serveAuthorize checks the request, stores it, and redirects the user to sign in.
func (s *Server) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	s.count("authorize")
	engine := s.provider()
	request, err := engine.NewAuthorizeRequest(r.Context(), r)
	if err != nil {
		engine.WriteAuthorizeError(w, request, err)
		return
	}
	s.visits.begin(w, r.URL.String())
	http.Redirect(w, r, loginPath+"?redirect_url="+url.QueryEscape(decidePath), http.StatusTemporaryRedirect)
}

// serveDecision issues the code for the request that serveAuthorize has stored. The user is
// not asked for consent.
func (s *Server) serveDecision(w http.ResponseWriter, r *http.Request) {
	engine := s.provider()
	v, ok := s.visits.of(r)
	if !ok || v.who == nil {
		engine.WriteAuthorizeError(w, fosite.NewAuthorizeRequest(), fosite.ErrRequestUnauthorized)
		return
	}
	remembered, err := http.NewRequestWithContext(r.Context(), http.MethodGet, v.request, nil)
	if err != nil {
		engine.WriteAuthorizeError(w, fosite.NewAuthorizeRequest(), err)
		return
	}
	request, err := engine.NewAuthorizeRequest(r.Context(), remembered)
	if err != nil {
		engine.WriteAuthorizeError(w, request, err)
		return
	}
	response, err := engine.NewAuthorizeResponse(r.Context(), request, s.newSession(request.GetClient().GetID(), v.who))
	if err != nil {
		engine.WriteAuthorizeError(w, request, err)
		return
	}
	engine.WriteAuthorizeResponse(w, request, response)
}

// serveToken issues tokens for a code, a refresh token or client credentials.
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	s.count("token", grantName(r.PostFormValue("grant_type")))
	engine := s.provider()
	request, err := engine.NewAccessRequest(r.Context(), r, s.newSession("", nil))
	if err != nil {
		s.refuse(w, request, err)
		return
	}
	granted, ok := request.(*fosite.AccessRequest)
	if !ok {
		s.refuse(w, request, fosite.ErrInvalidRequest)
		return
	}
	granted.GrantedScope = nil
	for _, scope := range granted.GetRequestedScopes() {
		granted.GrantScope(strings.TrimPrefix(scope, asked))
	}
	granted.GrantAudience(s.issuer)
	response, err := engine.NewAccessResponse(r.Context(), granted)
	if err != nil {
		s.refuse(w, granted, err)
		return
	}
	engine.WriteAccessResponse(w, granted, response)
}

func (s *Server) refuse(w http.ResponseWriter, request fosite.AccessRequester, err error) {
	s.count("refused", fosite.ErrorToRFC6749Error(err).ErrorField)
	s.provider().WriteAccessError(w, request, err)
}
