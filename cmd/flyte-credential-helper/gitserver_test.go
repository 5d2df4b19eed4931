package main

import (
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"

	"github.com/rogpeppe/go-internal/testscript"
)

// gitServerCommand starts a git server at $GIT_SERVER, with the repository notes. It accepts
// tokens of the script's authorization server as the password of any user: "git-server".
func gitServerCommand(ts *testscript.TestScript, _ bool, _ []string) {
	dir := ts.MkAbs("git-server")
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(ts.Exec("git", "init", "--quiet", "--bare", "git-server/notes.git"))
	git, err := exec.LookPath("git")
	ts.Check(err)
	backend := &cgi.Handler{
		Path: git, Args: []string{"http-backend"}, Dir: dir, Stderr: os.Stderr,
		Env: []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + dir},
	}
	server := serverOf(ts)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		if _, err := server.Verify(password); err != nil {
			w.Header().Set("WWW-Authenticate", `Basic realm="repositories"`)
			http.Error(w, "a token is needed", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	ts.Defer(s.Close)
	ts.Setenv("GIT_SERVER", s.URL)
}
