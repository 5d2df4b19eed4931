package authserver

import (
	"net/http"
	"net/url"

	"github.com/ory/fosite"
)

// serveAuthorize looks at the request, remembers it, and sends the person to sign in.
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

// serveDecision gives the code for the request that was remembered: nobody is asked
// whether they want that.
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
