package authserver

import (
	"cmp"
	"time"
)

// Lifetimes are how long what the server gives out is good, counted from then. Zero
// is flyteadmin's default.
type Lifetimes struct {
	Access  time.Duration // 30 min
	Refresh time.Duration // 60 min
	Code    time.Duration // 5 min
}

// SetLifetimes changes the lifetimes of what is given out from now on.
func (s *Server) SetLifetimes(l Lifetimes) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lifetimes = Lifetimes{
		Access:  cmp.Or(l.Access, 30*time.Minute),
		Refresh: cmp.Or(l.Refresh, time.Hour),
		Code:    cmp.Or(l.Code, 5*time.Minute),
	}
}

func (s *Server) current() Lifetimes {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lifetimes
}
