// Package modules is a module proxy for the go command that requires a token of an issuer. It
// has one module, example.test/hello v1.0.0.
package modules

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/forge/front"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

const (
	module  = "example.test/hello"
	version = "v1.0.0"
	goMod   = "module " + module + "\n"
)

// Server is a module proxy.
type Server struct {
	*front.Front
	issuer *oauthtest.Server
	files  map[string][]byte // by their paths
}

// Start starts one.
func Start(issuer *oauthtest.Server) (*Server, error) {
	packed, err := pack()
	if err != nil {
		return nil, err
	}
	info := []byte(`{"Version":"` + version + `","Time":"2020-01-01T00:00:00Z"}`)
	at := "/" + module + "/@v/"
	s := &Server{Front: front.New(), issuer: issuer, files: map[string][]byte{
		at + "list": []byte(version + "\n"), at + version + ".info": info, at + version + ".mod": []byte(goMod), at + version + ".zip": packed,
	}}
	s.Place(http.HandlerFunc(s.serve))
	return s, nil
}

// pack makes the module's zip file.
func pack() ([]byte, error) {
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	for _, file := range [][2]string{{"go.mod", goMod}, {"hello.go", "package hello\n"}} {
		w, err := z.Create(module + "@" + version + "/" + file[0])
		if err != nil {
			return nil, err
		}
		if _, err := io.WriteString(w, file[1]); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return packed.Bytes(), err
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if _, err := s.issuer.Verify(front.Token(r)); err != nil {
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "a token is wanted", http.StatusUnauthorized)
		return
	}
	file, found := s.files[r.URL.Path]
	if !found {
		http.NotFound(w, r)
		return
	}
	_, _ = w.Write(file) // or the client has gone
}
