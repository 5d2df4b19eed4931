package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/spf13/cobra"
)

// saved is a saved login, as status shows it. The JSON names are an interface for scripts.
type saved struct {
	Server      string          `json:"server"`
	Client      string          `json:"client_id"`
	Account     string          `json:"account,omitempty"` // the user, if the server named one
	Label       string          `json:"label,omitempty"`   // the --account of the login
	Valid       bool            `json:"valid"`             // the token could be returned now
	ExpiresAt   *time.Time      `json:"expires_at,omitempty"`
	Refreshable bool            `json:"refreshable"` // it is refreshed without a user
	Scopes      []string        `json:"scopes,omitempty"`
	Store       cache.StoreKind `json:"store"`
	Problem     string          `json:"problem,omitempty"` // why the rest is not known
}

// statusCommand returns the status command. It works without a configuration file.
func (a *app) statusCommand() *cobra.Command {
	asJSON := false
	c := a.userCommand("status", "List the saved logins")
	c.Example = "status"
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		return a.run(login.Policy{Auto: oauth.Auto}, needs{flyte: true, tolerate: true}, func(r *config.Resolved, p login.Policy) (int, error) {
			return 0, status(cmd.Context(), a.env, login.Keyring(r, p, a.env), asJSON)
		})
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, for scripts")
	return c
}

// status lists the saved logins.
func status(ctx context.Context, env system.Env, keyring *cache.Keyring, asJSON bool) error {
	stores, problem := cache.List(login.StateDir(env), keyring)
	logins := []saved{}
	for _, s := range stores {
		t, err := s.Load(ctx)
		if err != nil {
			problem = err
		}
		logins = append(logins, describeSaved(s, t, err, env.Now()).printable())
	}
	document := ""
	switch {
	case asJSON:
		text, err := json.MarshalIndent(logins, "", "  ")
		if err != nil {
			return err
		}
		document = string(text) + "\n"
	case len(logins) > 0:
		document = table(logins)
	}
	if err := env.Write(document); err != nil {
		return err
	}
	if len(logins) == 0 && problem == nil {
		return &cache.LoginNeededError{}
	}
	return problem
}

func describeSaved(s *cache.Store, t *oauth.Token, err error, now time.Time) saved {
	entry := saved{Server: s.Header.Server, Client: s.Header.Client, Label: s.Header.Account, Store: s.Kind}
	switch {
	case err != nil:
		entry.Problem = err.Error()
		return entry
	case t == nil:
		entry.Problem = "cannot be decrypted: it is damaged, or its key is missing"
		return entry
	}
	entry.Client = cmp.Or(entry.Client, t.Server.ClientID)
	entry.Account = t.Account
	entry.Scopes, entry.Refreshable = t.Scopes, t.RefreshToken != "" || s.Header.Grant == cache.GrantClient
	access := t.Credential(oauth.Access)
	entry.Valid = access.ValidAt(now)
	if !access.Expiry.IsZero() {
		expiry := access.Expiry.UTC().Truncate(time.Second)
		entry.ExpiresAt = &expiry
	}
	return entry
}

// printable returns l with values from servers and files that are fit for a terminal.
func (l saved) printable() saved {
	for _, p := range []*string{&l.Server, &l.Client, &l.Account, &l.Label, &l.Problem} {
		*p = oauth.Printable(*p)
	}
	l.Scopes = slices.Clone(l.Scopes)
	for i, scope := range l.Scopes {
		l.Scopes[i] = oauth.Printable(scope)
	}
	return l
}

// table returns the logins as text. A last column has the scopes, if some logins would look
// the same without it.
func table(logins []saved) string {
	names := map[[3]string]int{}
	scopes := false
	for _, l := range logins {
		name := [3]string{l.Server, l.Client, l.user()}
		names[name]++
		scopes = scopes || names[name] > 1
	}
	var b bytes.Buffer
	t := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	row := func(l [6]string) {
		columns := l[:5]
		if scopes {
			columns = l[:]
		}
		_, _ = fmt.Fprintln(t, strings.Join(columns, "\t"))
	}
	row([6]string{"SERVER", "CLIENT", "ACCOUNT", "TOKEN", "STORE", "SCOPES"})
	for _, l := range logins {
		row([6]string{l.Server, l.Client, l.user(), l.state(), string(l.Store), strings.Join(l.Scopes, " ")})
	}
	_ = t.Flush()
	return b.String()
}

// user returns the account and, if it differs, the label.
func (l saved) user() string {
	account := cmp.Or(l.Account, "-")
	if l.Label != "" && l.Label != l.Account {
		account += " (" + l.Label + ")"
	}
	return account
}

// state describes the state of the token.
func (l saved) state() string {
	switch {
	case l.Problem != "":
		return l.Problem
	case l.Valid && l.ExpiresAt == nil:
		return "valid until the server rejects it"
	case l.Valid && l.Refreshable:
		return "valid until " + local(*l.ExpiresAt) + ", refreshed automatically"
	case l.Valid:
		return "valid until " + local(*l.ExpiresAt) + ", then log in again"
	case l.Refreshable:
		return "expired, refreshed on next use"
	}
	return "expired, log in again"
}

// local formats a time in the local time zone.
func local(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }
