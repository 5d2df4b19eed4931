package authserver

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"sync"

	"golang.org/x/oauth2"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// provider is the OpenID provider, as a confidential client sees it.
type provider struct {
	*oauth2.Config
	server *oauthtest.Server
}

func newProvider(issuer string, idp *oauthtest.Server) *provider {
	return &provider{&oauth2.Config{
		ClientID:     oauthtest.SecretClient,
		ClientSecret: oauthtest.Secret,
		RedirectURL:  issuer + CallbackPath,
		Scopes:       []string{"openid", "profile", "email"},
		Endpoint:     oauth2.Endpoint{AuthURL: idp.URL + "/authorize", TokenURL: idp.URL + "/oauth/token", AuthStyle: oauth2.AuthStyleInHeader},
	}, idp}
}

// serveLogin redirects the user to the OpenID provider.
func (s *Server) serveLogin(w http.ResponseWriter, r *http.Request) {
	v, ok := s.visits.of(r)
	if !ok {
		http.Error(w, "no login has started in this browser", http.StatusUnauthorized)
		return
	}
	v.next = r.URL.Query().Get("redirect_url")
	s.visits.put(visitID(r), v)
	http.Redirect(w, r, s.idp.AuthCodeURL(v.state, oauth2.S256ChallengeOption(v.verifier)), http.StatusTemporaryRedirect)
}

// serveCallback handles the redirect from the OpenID provider. If the user denied
// access there, the login ends here and the client gets no answer.
func (s *Server) serveCallback(w http.ResponseWriter, r *http.Request) {
	v, ok := s.visits.of(r)
	if !ok || v.state != r.URL.Query().Get("state") {
		http.Error(w, "this login is over", http.StatusUnauthorized)
		return
	}
	who, err := s.idp.person(r.Context(), r.URL.Query().Get("code"), v.verifier)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	v.who = who
	s.visits.put(visitID(r), v)
	http.Redirect(w, r, v.next, http.StatusTemporaryRedirect)
}

// person exchanges a code and requests the user information.
func (p *provider) person(ctx context.Context, code, verifier string) (*Person, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, p.server.Client())
	token, err := p.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, err
	}
	answer, err := p.Client(ctx, token).Get(p.server.URL + "/userinfo")
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, errors.New("the OpenID provider does not say who that is")
	}
	who := &struct {
		Person
		Sub string `json:"sub"`
	}{}
	if err := json.NewDecoder(answer.Body).Decode(who); err != nil {
		return nil, err
	}
	who.Subject = who.Sub
	return &who.Person, nil
}

// cookie is the name of the cookie with the ID of a visit.
const cookie = "flyte_visit"

// visit is the state of a user's login. It is a value that is replaced and not changed.
type visit struct {
	request  string // the authorization request, as a URL
	next     string // where to go after the OpenID provider
	state    string // for the OpenID provider, as the verifier is
	verifier string
	who      *Person // nil until the OpenID provider has answered
}

// visits holds all visits. flyteadmin stores them in encrypted cookies.
type visits struct {
	mu  sync.Mutex
	all map[string]visit
}

// begin starts a visit and sets the cookie in the browser.
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
