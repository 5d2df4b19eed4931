package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// saved is a login as status tells of it. The names are what scripts rely on.
type saved struct {
	Server      string     `json:"server"`
	Client      string     `json:"client_id"`
	Account     string     `json:"account,omitempty"` // who it is, where the server said so
	Label       string     `json:"label,omitempty"`   // the --account that it was given
	Valid       bool       `json:"valid"`             // the token could be handed out now
	ExpiresAt   *time.Time `json:"expires_at,omitempty"`
	Refreshable bool       `json:"refreshable"` // it is renewed without a person
	Scopes      []string   `json:"scopes,omitempty"`
	Store       string     `json:"store"`
	Problem     string     `json:"problem,omitempty"` // why the rest is not known
}

// status lists what is kept.
func status(ctx context.Context, c *call, asJSON bool) error {
	stores, problem := cache.List(c.stateDir(), c.keyring())
	logins := []saved{}
	for _, s := range stores {
		t, err := s.Load(ctx)
		if err != nil {
			problem = err
		}
		logins = append(logins, describeSaved(s, t, err, c.now()).printable())
	}
	document := table(logins)
	if asJSON {
		text, err := json.MarshalIndent(logins, "", "  ")
		if err != nil {
			return err
		}
		document = append(text, '\n')
	}
	if len(logins) == 0 && !asJSON {
		document = nil
	}
	if err := c.write(document); err != nil {
		return err
	}
	if len(logins) == 0 && problem == nil {
		return &loginNeeded{}
	}
	return problem
}

func describeSaved(s *cache.Store, t *oauth.Token, err error, now time.Time) saved {
	login := saved{Server: s.Header.Server, Client: s.Header.Client, Label: s.Header.Account, Store: s.Kind}
	switch {
	case err != nil:
		login.Problem = err.Error()
		return login
	case t == nil:
		login.Problem = "it cannot be opened: it is damaged, or its key is gone"
		return login
	}
	login.Client = cmp.Or(login.Client, t.Server.ClientID)
	login.Account = t.Account
	login.Scopes, login.Refreshable = t.Scopes, t.RefreshToken != "" || s.Header.Grant == cache.GrantClient
	access := t.Credential(oauth.Access)
	login.Valid = access.ValidAt(now)
	if !access.Expiry.IsZero() {
		expiry := access.Expiry.UTC().Truncate(time.Second)
		login.ExpiresAt = &expiry
	}
	return login
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

func table(logins []saved) []byte {
	var b bytes.Buffer
	t := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(t, "SERVER\tCLIENT\tACCOUNT\tTOKEN\tKEPT")
	for _, l := range logins {
		account := cmp.Or(l.Account, "-")
		if l.Label != "" && l.Label != l.Account {
			account += " (" + l.Label + ")"
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", l.Server, l.Client, account, l.words(), l.Store)
	}
	_ = t.Flush()
	return b.Bytes()
}

// words says in one phrase how the login stands.
func (l saved) words() string {
	switch {
	case l.Problem != "":
		return l.Problem
	case l.Valid && l.ExpiresAt == nil:
		return "good until the server refuses it"
	case l.Valid && l.Refreshable:
		return "good until " + local(*l.ExpiresAt) + ", renewed by itself"
	case l.Valid:
		return "good until " + local(*l.ExpiresAt) + ", then a login"
	case l.Refreshable:
		return "expired, renewed when it is asked for"
	}
	return "expired, a login is needed"
}

// local writes a time as people's clocks show it.
func local(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }
