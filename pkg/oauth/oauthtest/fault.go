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

// Fault makes requests fail. Its fields combine.
//
// With a Status, Redirect or Body the provider does not get the request, and these
// are the answer. With Cut or Hang there is no complete answer. With After the
// provider processes the request first, but the client does not get its answer. The
// other fields only change the provider's answer. After and Delay together delay the
// provider's real answer until it has processed the request, even if the client has
// disconnected.
type Fault struct {
	Times int  // the number of requests that fail; 0: all until [Server.Heal]
	After bool // the provider processes the request first

	Status      int
	Redirect    string // to this URL, with status 302 unless Status says otherwise
	Body        string
	ContentType string // by default detected from Body
	Header      http.Header

	Delay time.Duration // before everything except After; if the client disconnects meanwhile, nothing else happens
	Drip  time.Duration // between two bytes of the body
	Cut   bool          // the connection ends half-way through the body
	Hang  bool          // no answer until the client disconnects or the server closes
}

// faults are the active faults, by kind of request.
type faults struct {
	mu     sync.Mutex
	active map[string]Fault
}

// next returns the fault for a request, or the zero Fault if there is none.
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

// Fail applies a fault to requests of a kind: one of those of [Server.Count] except
// reuse. It replaces the kind's earlier fault.
func (s *Server) Fail(kind string, f Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	if s.faults.active == nil {
		s.faults.active = map[string]Fault{}
	}
	s.faults.active[kind] = f
}

// Heal removes all faults and oddities.
func (s *Server) Heal() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.active = nil
	s.oddities.mu.Lock()
	defer s.oddities.mu.Unlock()
	s.oddities.active = nil
}

// serve writes the result of answer, to which it first applies the fault and then
// change.
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

// apply applies the fault to an answer. An answer that is replaced keeps nothing of the
// original one: a client that ignores the status would find the tokens in it.
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
		panic(http.ErrAbortHandler) // net/http then closes the connection
	}
}

func (f Fault) drip(w http.ResponseWriter, r *http.Request, body []byte) {
	step := len(body)
	if f.Drip > 0 {
		step = 1
	}
	for len(body) > 0 && r.Context().Err() == nil {
		_, _ = w.Write(body[:step]) // if the client has disconnected, the context has ended
		_ = http.NewResponseController(w).Flush()
		body = body[step:]
		pause(r.Context(), f.Drip)
	}
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
