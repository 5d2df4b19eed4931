//go:build unix

package flyte

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	admin "github.com/flyteorg/flyte/flyteidl/clients/go/admin"
	"github.com/flyteorg/flyte/flyteidl/clients/go/admin/pkce"
	adminidl "github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/service"
	"github.com/flyteorg/flyte/flytestdlib/config"
	"github.com/flyteorg/flyte/flytestdlib/config/viper"
	"github.com/flyteorg/flyte/flytestdlib/logger"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/flyteadmin/authserver"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// patience is how long a caller waits for an answer. None of the real ones has a
// limit.
const patience = 2 * time.Minute

// flyteidl is Flyte's own Go client, as in flytectl and in flytepropeller: "flyteidl
// COMMAND ARGS". For a proxy it runs $PROXY_COMMAND. "flyteidl pkce" logs in by itself,
// and "flyteidl --config FILE" reads a file as flytectl does, which accepts no unknown
// key. It prints the user that the control plane accepted.
func flyteidl() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = logger.SetConfig(&logger.Config{Level: logger.PanicLevel})
	c, err := clientConfig(os.Args[1:])
	if os.Args[1] == "--config" {
		c, err = fileConfig(ctx, os.Args[2])
	}
	if err != nil {
		fail(err)
	}
	clients, err := admin.ClientSetBuilder().WithConfig(c).Build(ctx)
	if err != nil {
		fail(err)
	}
	if _, err := clients.AdminClient().GetVersion(ctx, &adminidl.GetVersionRequest{}); err != nil {
		fail(err)
	}
	who, err := clients.IdentityClient().UserInfo(ctx, &service.UserInfoRequest{})
	if err != nil {
		fail(err)
	}
	accepted(who.Subject)
}

func clientConfig(command []string) (*admin.Config, error) {
	endpoint, err := url.Parse("dns:///" + strings.TrimPrefix(os.Getenv("ADMIN"), "http://"))
	if err != nil {
		return nil, err
	}
	c := &admin.Config{
		Endpoint:              config.URL{URL: *endpoint},
		UseInsecureConnection: strings.HasPrefix(os.Getenv("ADMIN"), "http://"),
		PerRetryTimeout:       config.Duration{Duration: patience},
		CACertFilePath:        os.Getenv("CA"),
		AuthType:              admin.AuthTypeExternalCommand,
		Command:               command,
		ProxyCommand:          strings.Fields(os.Getenv("PROXY_COMMAND")),
	}
	if c.UseInsecureConnection {
		c.CACertFilePath = ""
	}
	if command[0] == "pkce" {
		c.AuthType, c.PkceConfig = admin.AuthTypePkce, pkce.Config{BrowserSessionTimeout: config.Duration{Duration: patience}}
	}
	return c, nil
}

// fileConfig reads a file by flytectl's own loader.
func fileConfig(ctx context.Context, path string) (*admin.Config, error) {
	if err := os.Unsetenv("ADMIN"); err != nil { // the loader would take it for the section
		return nil, err
	}
	err := viper.NewAccessor(config.Options{StrictMode: true, SearchPaths: []string{path}}).UpdateConfig(ctx)
	return admin.GetConfig(ctx), err
}

// flytectl requests a token as flytectl does, which runs the command once and keeps the
// answer: stdin is null, stderr is lost, and a CR is part of the token.
func flytectl() {
	out, err := exec.Command(os.Args[1], os.Args[2:]...).Output()
	if err != nil {
		fail(err)
	}
	if err := me(strings.Trim(string(out), "\t \n")); err != nil {
		fail(err)
	}
}

// me prints the user of an accepted token.
func me(token string) error {
	request, err := http.NewRequest(http.MethodGet, os.Getenv("ADMIN_URL")+"/me", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Flyte-Authorization", "Bearer "+token)
	answer, err := trusting().Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return errors.Join(err, fmt.Errorf("%s %s", answer.Status, body))
	}
	who := struct{ Subject string }{}
	if err := json.Unmarshal(body, &who); err != nil {
		return err
	}
	accepted(who.Subject)
	return nil
}

// machineToken says a token of the control plane's, as a credential helper does: that
// of the client that has a secret.
func machineToken() {
	say(clientcredentials.Config{
		ClientID:     authserver.SecretClient,
		ClientSecret: authserver.Secret,
		TokenURL:     os.Getenv("ADMIN_URL") + authserver.TokenPath,
		Scopes:       []string{"all"},
	})
}

// proxyToken says a token of the OpenID provider's, which the proxy wants.
func proxyToken() {
	say(clientcredentials.Config{
		ClientID:     oauthtest.SecretClient,
		ClientSecret: oauthtest.Secret,
		TokenURL:     os.Getenv("IDP") + "/oauth/token",
	})
}

func say(c clientcredentials.Config) {
	token, err := c.Token(context.WithValue(context.Background(), oauth2.HTTPClient, trusting()))
	if err != nil {
		fail(err)
	}
	fmt.Println(token.AccessToken)
	os.Exit(0)
}

// trusting is an HTTP client that trusts the authorities in $CA.
func trusting() *http.Client {
	roots := x509.NewCertPool()
	pem, _ := os.ReadFile(os.Getenv("CA")) // without it, no certificate is trusted
	roots.AppendCertsFromPEM(pem)
	return &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
}

func accepted(subject string) { fmt.Printf("accepted as %q\n", subject) }

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
