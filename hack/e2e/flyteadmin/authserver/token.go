package authserver

import (
	"net/http"
	"strings"

	"github.com/ory/fosite"
)

// serveToken grants what the code, the refresh token or the client asks for.
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
