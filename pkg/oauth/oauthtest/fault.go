package oauthtest

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"
)

// Fault is what goes wrong with a request. Its fields combine.
//
// With a Status, Redirect or Body the provider is not asked, and this is the
// answer; with Cut or Hang there is none. After asks the provider first: it
// does its work, and the client does not learn of it. The other fields only
// touch the provider's answer. After and Delay hold the provider's real answer
// back after it has done its work, whether or not the client still waits.
type Fault struct {
	Times int  // for so many requests; 0, until [Server.Heal]
	After bool // the provider has done its work

	Status      int
	Redirect    string // to this URL, with status 302 unless Status says otherwise
	Body        string
	ContentType string // by default what Body looks like
	Header      http.Header

	Delay time.Duration // before anything else but After, and instead if the client leaves meanwhile
	Drip  time.Duration // between two bytes of the body
	Cut   bool          // the connection ends half-way through the body
	Hang  bool          // no answer until the client leaves or the server closes
}

// faults are the faults in force, by kind of request.
type faults struct {
	mu     sync.Mutex
	active map[string]Fault
}

// next takes the fault for a request: the zero Fault if all goes well.
func (fs *faults) next(kinds []string) Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, kind := range kinds {
		f, ok := fs.active[kind]
		if !ok {
			continue
		}
		switch f.Times {
		case 0:
		case 1:
			delete(fs.active, kind)
		default:
			f.Times--
			fs.active[kind] = f
		}
		return f
	}
	return Fault{}
}

// Fail spoils requests of a kind, one of those of [Server.Count] but reuse. It
// replaces the kind's earlier fault.
func (s *Server) Fail(kind string, f Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	if s.faults.active == nil {
		s.faults.active = map[string]Fault{}
	}
	s.faults.active[kind] = f
}

// Heal ends all faults and oddities.
func (s *Server) Heal() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.active = nil
	s.oddities.mu.Lock()
	defer s.oddities.mu.Unlock()
	s.oddities.active = nil
}

// serve answers with what answer returns, first spoilt and then changed.
func (f Fault) serve(w http.ResponseWriter, r *http.Request, answer func() *httptest.ResponseRecorder, change func(*httptest.ResponseRecorder)) {
	given := httptest.NewRecorder()
	if f.After {
		given = answer()
	}
	pause(r.Context(), f.Delay)
	if r.Context().Err() != nil {
		return
	}
	if !f.After && !f.replaces() && !f.Cut && !f.Hang {
		given = answer()
	}
	if f.Hang {
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	f.apply(given)
	change(given)
	f.write(w, r, given)
}

func (f Fault) replaces() bool { return f.Status != 0 || f.Redirect != "" || f.Body != "" }

// apply changes what was given. What replaces it keeps nothing of it, or a
// client that ignores the status would find the tokens.
func (f Fault) apply(given *httptest.ResponseRecorder) {
	if f.replaces() {
		*given = *httptest.NewRecorder()
		given.Body.WriteString(f.Body)
		given.Header().Set("Content-Type", contentType(f.Body))
	}
	if f.Redirect != "" {
		given.Code = http.StatusFound
		given.Header().Set("Location", f.Redirect)
	}
	if f.Status != 0 {
		given.Code = f.Status
	}
	if f.ContentType != "" {
		given.Header().Set("Content-Type", f.ContentType)
	}
	maps.Copy(given.Header(), f.Header)
}

func contentType(body string) string {
	if json.Valid([]byte(body)) {
		return "application/json"
	}
	return http.DetectContentType([]byte(body))
}

func (f Fault) write(w http.ResponseWriter, r *http.Request, given *httptest.ResponseRecorder) {
	body := given.Body.Bytes()
	if f.Cut && len(body) == 0 {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), given.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(given.Code)
	if f.Cut {
		body = body[:len(body)/2]
	}
	f.drip(w, r, body)
	if f.Cut {
		panic(http.ErrAbortHandler) // the agreed way to end the connection
	}
}

func (f Fault) drip(w http.ResponseWriter, r *http.Request, body []byte) {
	step := len(body)
	if f.Drip > 0 {
		step = 1
	}
	for len(body) > 0 && r.Context().Err() == nil {
		_, _ = w.Write(body[:step]) // the client may have left: the context says so
		_ = http.NewResponseController(w).Flush()
		body = body[step:]
		pause(r.Context(), f.Drip)
	}
}

// pause waits, or until nobody is interested any more.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
