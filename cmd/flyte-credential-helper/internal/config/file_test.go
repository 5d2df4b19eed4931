package config

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
)

// A profile of the user's file replaces the machine's profile of the same name completely, the
// user's file has precedence, and errors name the file.
func TestSharedProfiles(t *testing.T) {
	const (
		work     = "profiles: {work: {issuer: https://work.example, client-id: w}}"
		corp     = "profiles: {corp: {issuer: https://corp.example, client-id: c, serves: [git.example]}}"
		ownCorp  = "profiles: {corp: {issuer: https://own.example}}"
		fallback = "profiles: {default: {issuer: https://default.example}, corp: {issuer: https://corp.example}}"
		two      = "profiles: {a: {issuer: https://a.example, serves: [git.example]}, b: {issuer: https://b.example}}"
	)
	tests := []struct {
		name            string
		user, etc, last string // the files; empty: there is none
		args            []string
		want            string // the issuer, the profile and its file, or the error
		host            string // the profile that serves git.example
	}{
		{"only the machine's", "", corp, "", nil, "https://corp.example corp /etc/c.yaml", "corp"},
		{"the second machine's", "", "", corp, nil, "https://corp.example corp /last/c.yaml", "corp"},
		{"the first machine's wins", "", corp, ownCorp, nil, "https://corp.example corp /etc/c.yaml", "corp"},
		{"the user's own is the default", work, corp, "", nil, "https://work.example work /home/c.yaml", "corp"},
		{"the machine's by name", work, corp, "", []string{"--profile", "corp"}, "https://corp.example corp /etc/c.yaml", "corp"},
		{"the same name wins whole", ownCorp, corp, "", nil, "https://own.example corp /home/c.yaml", ""},
		{"the machine's default", two, fallback, "", nil, "https://default.example default /etc/c.yaml", "a"},
		{"the user's host first", two, corp, "", []string{"--profile", "b"}, "https://b.example b /home/c.yaml", "a"},
		{"no such profile", work, corp, "", []string{"--profile", "x"}, `there is no profile "x" in /home/c.yaml and /etc/c.yaml, which have corp, work`, "corp"},
		{"a server on the command line", "", "nonsense", "", []string{"--issuer", "https://a.example"}, "https://a.example  ", "error"},
		{"a broken file", work, "profiles: {corp: {isuer: x}}", "", nil, `/etc/c.yaml:1: there is no setting named "isuer": did you mean issuer?`, "error"},
	}
	host, err := execcred.ParseHost("https", "git.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			files := map[string]string{"/home/c.yaml": test.user, "/etc/c.yaml": test.etc, "/last/c.yaml": test.last}
			read := func(path string) ([]byte, error) {
				if files[path] == "" {
					return nil, os.ErrNotExist
				}
				return []byte(files[path]), nil
			}
			flags := NewFlags(Every)
			if err := flags.Parse(test.args); err != nil {
				t.Fatal(err)
			}
			paths := []string{"/home/c.yaml", "/etc/c.yaml", "/last/c.yaml"}
			r, err := Resolve(Input{CommandLine: flags.CommandLine(), ConfigPaths: paths, ReadFile: read, Args: []string{Program}})
			got := fmt.Sprint(err)
			if err == nil {
				got = strings.Join([]string{r.Issuer, r.ProfileInUse, r.ProfileFile}, " ")
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			profile := "error"
			if file, err := ReadFiles(paths, read); err == nil {
				profile, _, _ = file.ProfileForHost(host, "", "")
			}
			if profile != test.host {
				t.Errorf("the profile of the host is %q, not %q", profile, test.host)
			}
		})
	}
}
