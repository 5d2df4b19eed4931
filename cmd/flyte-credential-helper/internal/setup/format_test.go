package setup

import (
	"context"
	"testing"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
)

func TestWithoutHelper(t *testing.T) {
	const ours = "\thelper =\n\thelper = /bin/flyte-credential-helper git\n"
	const header = "[credential \"https://a\"]\n"
	for _, row := range []struct{ what, text, want string }{
		{"our section", "[user]\n" + header + ours, "[user]\n"},
		{"followed by another", header + ours + "[user]\n", "[user]\n"},
		{"followed by a comment", header + ours + "# mine\n[user]\n", "# mine\n[user]\n"},
		{"a key after ours", header + ours + "\tusername = me\n", header + "\tusername = me\n"},
		{"a key before ours", header + "\tusername = me\n" + ours, header + "\tusername = me\n"},
		{"their empty helper stays", header + "\thelper =\n\thelper = store\n" + ours, header + "\thelper =\n\thelper = store\n"},
		{"git's own form, CRLF", "[credential \"https://a\"]\r\n\thelper = \r\n\thelper = /bin/flyte-credential-helper git\r\n", ""},
		{"twice", header + ours + "[user]\n" + header + ours, "[user]\n"},
		{"another host", "[credential \"https://b\"]\n" + ours, "[credential \"https://b\"]\n" + ours},
		{"no end of line", header + "\thelper =\n\thelper = /bin/flyte-credential-helper git", ""},
	} {
		if got := withoutHelper([]byte(row.text), helper{url: "https://a", value: "/bin/flyte-credential-helper git"}); string(got) != row.want {
			t.Errorf("%s: %q, not %q", row.what, got, row.want)
		}
	}
}

func TestGoEnvRevert(t *testing.T) {
	off := "off"
	for _, row := range []struct {
		what, text string
		old        *string
		want       string
	}{
		{"ours alone", "GOAUTH=flyte-credential-helper goauth;netrc\n", nil, ""},
		{"a replaced value", "GOAUTH=flyte-credential-helper goauth;netrc\nGOFLAGS=-v\n", &off, "GOAUTH=off\nGOFLAGS=-v\n"},
		{"changed since", "GOAUTH=git /src;flyte-credential-helper goauth\n", nil, "GOAUTH=git /src\n"},
		{"only ours left of it", "GOAUTH=/other/flyte-credential-helper goauth\n", &off, ""},
		{"not ours any more", "GOAUTH=netrc\n", nil, "GOAUTH=netrc\n"},
		{"CRLF", "A=b\r\nGOAUTH=flyte-credential-helper goauth;netrc\r\n", &off, "A=b\r\nGOAUTH=off\n"},
	} {
		c := edit.Change{Key: []string{"GOAUTH"}, Old: row.old, New: "flyte-credential-helper goauth;netrc"}
		got, err := goEnvFormat{}.Revert(context.Background(), []byte(row.text), c)
		if err != nil || string(got) != row.want {
			t.Errorf("%s: %q, %v, not %q", row.what, got, err, row.want)
		}
	}
}

func TestWithOurs(t *testing.T) {
	for list, want := range map[string]string{
		"":      "ours goauth",
		"off":   "ours goauth",
		"netrc": "ours goauth;netrc",
		"/gone/flyte-credential-helper goauth;git /src": "ours goauth;git /src",
	} {
		if got := withOurs(list, "ours goauth"); got != want {
			t.Errorf("%q: %q, not %q", list, got, want)
		}
	}
}

func TestBazelLines(t *testing.T) {
	for _, row := range []struct {
		host, path, want string
		named            bool
	}{
		{"a.example.com", "/bin/x", "common --credential_helper=a.example.com=/bin/x\n", true},
		{"*.example.com", "/bin/x", "common --credential_helper=*.example.com=/bin/x\n", true},
		{"a.example.com:8443", "/my bin/x", "common \"--credential_helper=a.example.com=/my bin/x\"\n", true},
		{"127.0.0.1:80", "/bin/x", "common --credential_helper=127.0.0.1=/bin/x\n", true},
		{"localhost", "/bin/x", "common --credential_helper=/bin/x\n", false},
		{"[::1]:80", "/bin/x", "common --credential_helper=/bin/x\n", false},
	} {
		if got, unnamed := bazelLines([]string{row.host}, row.path); got != row.want || (len(unnamed) == 0) != row.named {
			t.Errorf("%s: %q, %q", row.host, got, unnamed)
		}
	}
}
