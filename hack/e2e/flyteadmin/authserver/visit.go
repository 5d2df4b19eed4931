package authserver

import (
	"crypto/rand"
	"net/http"
	"sync"

	"golang.org/x/oauth2"
)

// cookie names a visit.
const cookie = "flyte_visit"

// visit is a person on the way through the login. It is a value, and replaced
// rather than changed.
type visit struct {
	request  string // the authorization request, as a URL
	next     string // where to go after the OpenID provider
	state    string // for the OpenID provider, as the verifier is
	verifier string
	who      *Person // nil until the OpenID provider has said
}

// visits are all of them. flyteadmin keeps them in encrypted cookies.
type visits struct {
	mu  sync.Mutex
	all map[string]visit
}

// begin starts a visit, and gives the browser its name.
func (vs *visits) begin(w http.ResponseWriter, request string) {
	id := rand.Text()
	http.SetCookie(w, &http.Cookie{Name: cookie, Value: id, Path: "/", HttpOnly: true})
	vs.put(id, visit{request: request, state: rand.Text(), verifier: oauth2.GenerateVerifier()})
}

func (vs *visits) put(id string, v visit) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if vs.all == nil {
		vs.all = map[string]visit{}
	}
	vs.all[id] = v
}

func (vs *visits) of(r *http.Request) (visit, bool) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	v, ok := vs.all[visitID(r)]
	return v, ok
}

func visitID(r *http.Request) string {
	c, err := r.Cookie(cookie)
	if err != nil {
		return ""
	}
	return c.Value
}
