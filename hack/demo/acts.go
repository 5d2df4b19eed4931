package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clientauthentication "k8s.io/client-go/pkg/apis/clientauthentication/v1"

	"github.com/flyteorg/flyte-credential-helper/pkg/execcred/execcredtest"
)

const (
	person = "alice@example.com" // who signs in at the provider
	crowd  = 20
)

// logIn logs in once, as a person would.
func (d *demo) logIn(ctx context.Context) error {
	d.say("\n1. Log in, once\n")
	start := time.Now()
	if err := d.showAll(ctx, "login"); err != nil {
		return err
	}
	took := time.Since(start)
	text, err := d.browser.lastPage(ctx)
	if err != nil {
		return err
	}
	if !strings.Contains(text, "You are logged in to") {
		return fmt.Errorf("the browser ended on another page than that of a login: %s", text)
	}
	d.say("\nThe browser went through the provider's sign-in page and ended on")
	d.say("\"You are logged in to …\". All in all %.1f s. The same flags are below written as ….", took.Seconds())
	return nil
}

// whoAmI asks the cluster, without and with the program.
func (d *demo) whoAmI(ctx context.Context) error {
	d.say("\n2. Ask the cluster who we are, with client-go, as kubectl auth whoami does\n")
	if user, err := execcredtest.WhoAmI(ctx, d.cluster.Config(nil)); !apierrors.IsUnauthorized(err) {
		return fmt.Errorf("without a token the cluster said %q, %v, not 401", user, err)
	}
	d.say("without a token: 401 Unauthorized")
	user, err := execcredtest.WhoAmI(ctx, d.cluster.Config(d.plugin()))
	if err != nil {
		return err
	}
	d.say("with   exec: {command: %s, args: [kubernetes, …]}", name)
	d.say("in the kubeconfig: %s", user)
	if user != person {
		return fmt.Errorf("the cluster took us for %q, not %q", user, person)
	}
	return nil
}

// answer shows what client-go was given.
func (d *demo) answer(ctx context.Context) error {
	d.say("\n3. What it was given\n")
	d.say("$ %s kubernetes …", name)
	answer, _, err := d.helper(ctx, "kubernetes")
	if err != nil {
		return err
	}
	token, err := tokenOf(answer)
	if err != nil {
		return err
	}
	d.say("%s", strings.TrimSpace(strings.Replace(answer, token, token[:12]+"…", 1)))
	return nil
}

// tokenOf reads an answer as client-go does.
func tokenOf(answer string) (string, error) {
	var c clientauthentication.ExecCredential
	if err := json.Unmarshal([]byte(answer), &c); err != nil {
		return "", err
	}
	if c.Status == nil || len(c.Status.Token) < 100 {
		return "", errors.New("the answer holds no token")
	}
	return c.Status.Token, nil
}

// again times answers that are kept.
func (d *demo) again(ctx context.Context) error {
	d.say("\n4. How long the next answers take\n")
	d.server.ResetCounts()
	var times []time.Duration
	for range 11 {
		start := time.Now()
		if _, _, err := d.helper(ctx, "kubernetes"); err != nil {
			return err
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	for _, kind := range []string{"discovery", "keys", "authorize", "token"} {
		if n := d.server.Count(kind); n != 0 {
			return fmt.Errorf("the provider was asked for %s %d times, though a good token was kept", kind, n)
		}
	}
	d.say("%d ms, the median of %d runs of the program. The provider was not asked.", times[len(times)/2].Milliseconds(), len(times))
	return nil
}

// together is twenty processes that find nothing kept.
func (d *demo) together(ctx context.Context) error {
	d.say("\n5. Twenty processes at once, with nothing kept\n")
	if err := d.show(ctx, "logout"); err != nil {
		return err
	}
	d.server.ResetCounts()
	before, start := d.browser.opened.Load(), time.Now()
	tokens, err := d.storm(ctx)
	if err != nil {
		return err
	}
	took := time.Since(start)
	d.token = tokens[0]
	browsers, exchanges := int(d.browser.opened.Load()-before), d.server.Count("authorization_code")
	different := len(slices.Compact(slices.Sorted(slices.Values(tokens))))
	d.say("$ for i in $(seq %d); do %s kubernetes … & done; wait", crowd, name)
	d.say("%d answers in %.1f s. Browsers opened: %d. Codes exchanged: %d. Different tokens: %d.", len(tokens), took.Seconds(), browsers, exchanges, different)
	if browsers != 1 || exchanges != 1 || different != 1 {
		return errors.New("it should have been one browser, one exchange and one token")
	}
	_, err = d.browser.lastPage(ctx)
	return err
}

// storm asks by so many processes at once and returns all their tokens.
func (d *demo) storm(ctx context.Context) ([]string, error) {
	tokens, errs := make([]string, crowd), make([]error, crowd)
	var all sync.WaitGroup
	for i := range crowd {
		all.Go(func() {
			answer, _, err := d.helper(ctx, "kubernetes")
			if err == nil {
				tokens[i], err = tokenOf(answer)
			}
			errs[i] = err
		})
	}
	all.Wait()
	return tokens, errors.Join(errs...)
}

// logOut ends the login, and learns from what the program revokes what else it
// had kept.
func (d *demo) logOut(ctx context.Context) error {
	d.say("\n7. Log out\n")
	if err := d.show(ctx, "logout"); err != nil {
		return err
	}
	if n := d.server.Count("revoke"); n == 0 {
		return errors.New("the provider was not told to revoke anything")
	}
	if err := d.nothingKept(ctx); err != nil {
		return err
	}
	if err := d.wasSealed(); err != nil {
		return err
	}
	d.say("The provider has revoked it, and nothing of it is left on disk%s.", d.orKeyring())
	return nil
}
