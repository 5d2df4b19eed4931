package keychain_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/forge/keychain"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// startRegistry starts a registry that requires a password.
func startRegistry() *httptest.Server {
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	return httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != execcred.DefaultUsername || password == "" {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		images.ServeHTTP(w, r)
	}))
}

// Push an image with the token of the login. The other registries of the default keychain
// stay as they are configured.
func ExampleKeychain() {
	server, err := oauthtest.NewServer(oauthtest.Config{}) // yours is https://login.example.com
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	images := startRegistry() // yours is registry.example.com
	defer images.Close()
	address := strings.TrimPrefix(images.URL, "https://")

	client := &oauth.Client{Issuer: server.URL, ClientID: oauthtest.PublicClient, Open: func(_ context.Context, url string) error {
		fmt.Println("the browser opens")
		go oauthtest.SignIn(context.Background(), nil, url)
		return nil
	}}
	source, err := cache.New(client, cache.WithDir(cache.Dir(dir)), cache.WithStore(cache.StoreFile)) // you need no option
	if err != nil {
		log.Fatal(err)
	}
	pattern, err := execcred.ParsePattern(address)
	if err != nil {
		log.Fatal(err)
	}
	keychain := authn.NewMultiKeychain(keychain.Keychain{Source: source, Registry: pattern}, authn.DefaultKeychain)

	tag, err := name.NewTag(address + "/team/image:latest")
	if err != nil {
		log.Fatal(err)
	}
	image, err := random.Image(1024, 1)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(images.Certificate())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	err = remote.Write(tag, image, remote.WithAuthFromKeychain(keychain), remote.WithTransport(transport))
	fmt.Println("pushed:", err == nil)
	// Output:
	// the browser opens
	// pushed: true
}
