package authserver

import (
	"encoding/json"
	"net/http"

	"github.com/go-jose/go-jose/v4"
)

const keyID = "flyteadmin"

func (s *Server) serveKeys(w http.ResponseWriter, _ *http.Request) {
	s.count("keys")
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{ // fails only when nobody is left to read it
		{Key: s.key.Public(), KeyID: keyID, Algorithm: string(jose.RS256), Use: "sig"},
	}})
}
