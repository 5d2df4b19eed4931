package login

import (
	"context"
	"strings"
	"testing"
)

// Where a login may start.
func TestWhyNoLogin(t *testing.T) {
	for _, row := range []struct {
		args, env, forbidden, why string
	}{
		{"", "", "", "there is no terminal and no display"},
		{"", "BROWSER=x", "", ""},
		{"--browser x", "", "", ""},
		{"", "DISPLAY=:0", "", ""},
		{"", "DISPLAY=:0 SSH_TTY=x", "", "there is no terminal and no display"},
		{"--no-browser", "DISPLAY=:0", "", "there is no terminal and no display"},
		{"", "DISPLAY=:0 CI=true", "", "CI is set"},
		{"", "DISPLAY=:0 CI=False", "", ""},
		{"--interactive always", "CI=true", "", ""},
		{"--interactive always", "", "a request from docker never starts a login", "a request from docker never starts a login"},
		{"--interactive never", "DISPLAY=:0", "", "--interactive is never"},
	} {
		variables := map[string]string{}
		for _, pair := range strings.Fields(row.env) {
			name, value, _ := strings.Cut(pair, "=")
			variables[name] = value
		}
		r := resolved(t, strings.Fields(row.args)...)
		p := Policy{Forbidden: func(context.Context) string { return row.forbidden }}
		got := p.whyNoLogin(t.Context(), &r.Settings, environment(variables))
		if (got == "") != (row.why == "") || !strings.Contains(got, row.why) {
			t.Errorf("%+v: %q", row, got)
		}
	}
}
