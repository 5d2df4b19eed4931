package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clientauthentication "k8s.io/client-go/pkg/apis/clientauthentication/v1"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred/execcredtest"
)

const (
	user  = "alice@example.com" // signs in at the provider
	crowd = 20
)

func (d *demo) logIn(ctx context.Context) error {
	d.say("\n1. Log in, once\n\n$ %s login %s", testenv.Program, strings.Join(d.flags, " "))
	start := time.Now()
	answer, err := d.helper(ctx, "login")
	if err != nil {
		return err
	}
	page, err := d.lastPage(ctx)
	if err != nil {
		return err
	}
	if !strings.Contains(page, "You are logged in to") {
		return fmt.Errorf("the browser ended on another page than that of a login: %s", page)
	}
	d.say("%s\nThe browser signed in at the provider and ended on \"You are logged in to ...\", after %.1f s.\nBelow, ... are the same flags.", answer, time.Since(start).Seconds())
	return nil
}

// lastPage waits for the page on which the browser ends.
func (d *demo) lastPage(ctx context.Context) (string, error) {
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		if text, err := os.ReadFile(d.machine.Log() + ".page"); err == nil && len(text) > 0 {
			return string(text), nil
		}
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-tick.C:
		}
	}
}

func (d *demo) whoAmI(ctx context.Context) error {
	d.say("\n2. Ask the cluster for the user's name, with client-go, as kubectl auth whoami does\n")
	if name, err := execcredtest.WhoAmI(ctx, d.cluster.Config(nil)); !apierrors.IsUnauthorized(err) {
		return fmt.Errorf("without a token the cluster answered %q, %v, not 401", name, err)
	}
	name, err := execcredtest.WhoAmI(ctx, d.cluster.Config(d.plugin()))
	if err == nil && name != user {
		err = fmt.Errorf("the cluster answered %q, not %q", name, user)
	}
	d.say("without a token: 401 Unauthorized\nwith exec: {command: %s, args: [kubernetes, ...]} in the kubeconfig: %s", testenv.Program, name)
	return err
}

func (d *demo) answer(ctx context.Context) error {
	answer, err := d.helper(ctx, "kubernetes")
	if err != nil {
		return err
	}
	token, err := tokenOf(answer)
	if err != nil {
		return err
	}
	d.say("\n3. What client-go got\n\n$ %s kubernetes ...\n%s", testenv.Program, strings.TrimSpace(strings.Replace(answer, token, token[:12]+"...", 1)))
	return nil
}

// tokenOf reads an answer as client-go does.
func tokenOf(answer string) (string, error) {
	var c clientauthentication.ExecCredential
	if err := json.Unmarshal([]byte(answer), &c); err != nil {
		return "", err
	}
	if c.Status == nil || len(c.Status.Token) < 100 {
		return "", errors.New("the answer has no token")
	}
	return c.Status.Token, nil
}

func (d *demo) warm(ctx context.Context) error {
	d.machine.Server.ResetCounts()
	var times []time.Duration
	for range 11 {
		start := time.Now()
		if _, err := d.helper(ctx, "kubernetes"); err != nil {
			return err
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	for _, kind := range []string{"discovery", "keys", "authorize", "token"} {
		if n := d.machine.Server.Count(kind); n != 0 {
			return fmt.Errorf("the provider got %d requests of kind %s, although a valid token was stored", n, kind)
		}
	}
	d.say("\n4. How long the next answers take\n\n%d ms, the median of %d runs of the program. The provider got no request.", times[len(times)/2].Milliseconds(), len(times))
	return nil
}

func (d *demo) parallel(ctx context.Context) error {
	d.say("\n5. Twenty processes at once, without a login\n")
	if err := d.show(ctx, "logout"); err != nil {
		return err
	}
	d.machine.Server.ResetCounts()
	before, start := d.machine.Browsers(), time.Now()
	tokens, errs := make([]string, crowd), make([]error, crowd)
	var all sync.WaitGroup
	for i := range crowd {
		all.Go(func() {
			answer, err := d.helper(ctx, "kubernetes")
			if err == nil {
				tokens[i], err = tokenOf(answer)
			}
			errs[i] = err
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	browsers, exchanges := d.machine.Browsers()-before, d.machine.Server.Count("authorization_code")
	different := len(slices.Compact(slices.Sorted(slices.Values(tokens))))
	d.say("$ for i in $(seq %d); do %s kubernetes ... & done; wait\n%d answers in %.1f s. Browsers opened: %d. Codes exchanged: %d. Different tokens: %d.",
		crowd, testenv.Program, crowd, time.Since(start).Seconds(), browsers, exchanges, different)
	if browsers != 1 || exchanges != 1 || different != 1 {
		return errors.New("expected one browser, one exchange and one token")
	}
	return nil
}

func (d *demo) show(ctx context.Context, command string) error {
	answer, err := d.helper(ctx, command)
	d.say("$ %s %s ...\n%s", testenv.Program, command, strings.TrimSuffix(answer, "\n"))
	return err
}

// disk lists what the login has stored. The file must contain a token exactly if it is not
// sealed.
func (d *demo) disk(ctx context.Context) error {
	d.say("\n6. What is stored now\n")
	readable := false
	err := filepath.WalkDir(d.machine.State(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		readable = readable || strings.Contains(string(text), "eyJhbGciOi") // the start of each token of the provider
		d.say("%s %6d  %s", info.Mode(), info.Size(), path)
		if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
			err = errors.Join(err, fmt.Errorf("other users can open %s", path))
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case readable && d.keyring != nil:
		return errors.New("a token can be read in a file")
	case !readable && d.keyring == nil:
		return errors.New("no token was found in the files, although they are not sealed")
	case d.keyring == nil:
		d.say("\nEach program of this user can read the token in the .plain file.")
		return nil
	}
	d.say("\nNo token can be read in these files. The key of the .sealed file is in the keyring:")
	return d.wantItems(ctx, 1)
}

func (d *demo) wantItems(ctx context.Context, want int) error {
	items, err := d.keyring.Items(ctx)
	if err == nil && len(items) != want {
		err = fmt.Errorf("the keyring has %d items, not %d: %v", len(items), want, items)
	}
	for _, item := range items {
		d.say("service=%s username=%s", item["service"], item["username"])
	}
	return err
}

func (d *demo) logOut(ctx context.Context) error {
	d.say("\n7. Log out\n")
	if err := d.show(ctx, "logout"); err != nil {
		return err
	}
	if d.machine.Server.Count("revoke") == 0 {
		return errors.New("the provider got no request to revoke a token")
	}
	for _, kind := range []string{"sealed", "plain", "new"} {
		if left, _ := filepath.Glob(filepath.Join(d.machine.State(), "*."+kind)); len(left) > 0 {
			return fmt.Errorf("still stored: %q", left)
		}
	}
	if d.keyring != nil {
		if err := d.wantItems(ctx, 0); err != nil {
			return err
		}
	}
	d.say("The provider has revoked the login, and no token is stored any more.")
	return nil
}
