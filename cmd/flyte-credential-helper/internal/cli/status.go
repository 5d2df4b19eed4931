package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/spf13/cobra"
)

// saved is a saved login, as status shows it. The JSON names are an interface for scripts.
type saved struct {
	ID          string          `json:"id"`
	Server      string          `json:"server"`
	Client      string          `json:"client_id"`
	Account     string          `json:"account,omitempty"` // the user, if the server named one
	Label       string          `json:"label,omitempty"`   // the --account of the login
	Valid       bool            `json:"valid"`             // the token could be returned now
	ExpiresAt   *time.Time      `json:"expires_at,omitempty"`
	Refreshable bool            `json:"refreshable"` // it is refreshed without a user
	Scopes      []string        `json:"scopes,omitempty"`
	Store       cache.StoreKind `json:"store"`
	Profiles    []string        `json:"profiles,omitempty"`
	UsedBy      []string        `json:"used_by,omitempty"` // hosts that get the token, and kubectl's contexts
	Problem     string          `json:"problem,omitempty"` // why the rest is not known
}

// statusCommand returns the status command. It works without a configuration file.
func (a *app) statusCommand() *cobra.Command {
	c := a.userCommand("status", "List the saved logins")
	c.Example = "status"
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		return a.run(login.Policy{Auto: oauth.Auto}, needs{flyte: true, tolerate: true}, func(r *config.Resolved, p login.Policy) (int, error) {
			return 0, a.status(cmd.Context(), login.Keyring(r, p, a.env), *asJSON)
		})
	}
	return c
}

// status lists the saved logins.
func (a *app) status(ctx context.Context, keyring *cache.Keyring, asJSON bool) error {
	stores, problem := cache.List(login.StateDir(a.env), keyring)
	logins, used := []saved{}, usesOf(a.env)
	for _, s := range stores {
		t, err := s.Load(ctx)
		if err != nil {
			problem = err
		}
		entry := describeSaved(s, t, err, a.env.Now())
		entry.Profiles, entry.UsedBy = used[s.ID].profiles, used[s.ID].callers
		logins = append(logins, entry.printable())
	}
	if err := a.print(table(logins), logins, asJSON); err != nil {
		return err
	}
	if len(logins) == 0 && problem == nil {
		return &cache.LoginNeededError{}
	}
	return problem
}

func describeSaved(s *cache.Store, t *oauth.Token, err error, now time.Time) saved {
	entry := saved{ID: s.ID, Server: s.Header.Server, Client: s.Header.Client, Label: s.Header.Account, Store: s.Kind}
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
	for _, list := range []*[]string{&l.Scopes, &l.Profiles, &l.UsedBy} {
		*list = slices.Clone(*list)
		for i, word := range *list {
			(*list)[i] = oauth.Printable(word)
		}
	}
	return l
}

// table returns the logins as text, with the profiles and callers that use them. If some rows
// would look the same, it also has the scopes, and if these are the same too, the start of the
// login's ID. The store does not keep what else can differ, such as the audience.
func table(logins []saved) string {
	if len(logins) == 0 {
		return ""
	}
	shown := columns{
		{"SERVER", func(l saved) string { return l.Server }},
		{"CLIENT", func(l saved) string { return l.Client }},
		{"ACCOUNT", saved.user},
		{"TOKEN", saved.state},
		{"STORE", func(l saved) string { return string(l.Store) }},
	}
	identity := slices.Clone(shown[:3])
	if slices.ContainsFunc(logins, func(l saved) bool { return len(l.Profiles)+len(l.UsedBy) > 0 }) {
		shown = append(shown, columns{
			{"PROFILE", func(l saved) string { return cmp.Or(strings.Join(l.Profiles, ", "), "-") }},
			{"USED BY", func(l saved) string { return cmp.Or(strings.Join(l.UsedBy, ", "), "-") }},
		}...)
	}
	for _, more := range (columns{
		{"SCOPES", func(l saved) string { return strings.Join(l.Scopes, " ") }},
		{"ID", func(l saved) string { return l.ID[:min(8, len(l.ID))] }},
	}) {
		if identity.differ(logins) {
			break
		}
		shown, identity = append(shown, more), append(identity, more)
	}
	var b bytes.Buffer
	t := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(t, shown.join(func(c column) string { return c.title }))
	for _, l := range logins {
		_, _ = fmt.Fprintln(t, shown.row(l))
	}
	_ = t.Flush()
	return b.String()
}

// column is a column of the table.
type column struct {
	title string
	value func(saved) string
}

type columns []column

func (all columns) join(text func(column) string) string {
	var words []string
	for _, c := range all {
		words = append(words, text(c))
	}
	return strings.Join(words, "\t")
}

func (all columns) row(l saved) string { return all.join(func(c column) string { return c.value(l) }) }

// differ reports whether each login has its own values in the columns.
func (all columns) differ(logins []saved) bool {
	rows := map[string]bool{}
	for _, l := range logins {
		rows[all.row(l)] = true
	}
	return len(rows) == len(logins)
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
