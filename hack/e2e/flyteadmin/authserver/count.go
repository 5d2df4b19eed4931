package authserver

import "strings"

// Count says how many requests of a kind came: authorize, keys, token (of any
// grant), a grant by its name (authorization_code, refresh_token,
// client_credentials, device_code); how many tokens were refused; and how many of
// them with one error, such as server_error.
func (s *Server) Count(kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[kind]
}

// ResetCounts forgets what was counted.
func (s *Server) ResetCounts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.counts)
}

func (s *Server) count(kinds ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kind := range kinds {
		s.counts[kind]++
	}
}

func grantName(grantType string) string {
	return strings.TrimPrefix(grantType, "urn:ietf:params:oauth:grant-type:")
}
