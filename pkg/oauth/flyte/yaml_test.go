package flyte

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestYAML(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want map[string]string // a list's words with | between them
		err  string
	}{
		"nothing":            {"", nil, ""},
		"a comment":          {"# endpoint\n", nil, ""},
		"no admin":           {"console: {endpoint: x}\n", nil, ""},
		"an empty admin":     {"admin:\n", nil, ""},
		"plain":              {"admin:\n  endpoint: a:1\n  insecure: yes\n  nonsense: {a: [b]}\n", map[string]string{"endpoint": "a:1", "insecure": "yes"}, ""},
		"names in any case":  {"admin:\n  Endpoint: a\n  clientid: b\n", map[string]string{"endpoint": "a", "clientId": "b"}, ""},
		"quoted":             {"admin:\n  endpoint: \"a\\u002db\"\n  clientId: 'c''d'\n", map[string]string{"endpoint": "a-b", "clientId": "c'd"}, ""},
		"a block":            {"admin:\n  endpoint: |-\n    a\n", map[string]string{"endpoint": "a"}, ""},
		"numbers":            {"admin:\n  endpoint: a\n  clientId: 0123\n", map[string]string{"endpoint": "a", "clientId": "0123"}, ""},
		"nothing said":       {"admin:\n  endpoint: a\n  clientId:\n  audience: ~\n  authType: ''\n", map[string]string{"endpoint": "a"}, ""},
		"lists":              {"admin:\n  endpoint: a\n  scopes: [b, 'c d']\n  command:\n  - e\n  - f,g\n", map[string]string{"endpoint": "a", "scopes": "b|c d", "command": "e|f,g"}, ""},
		"JSON":               {`{"admin": {"endpoint": "a", "scopes": ["b"]}}`, map[string]string{"endpoint": "a", "scopes": "b"}, ""},
		"the last of two":    {"admin:\n  endpoint: a\n  endpoint: b\n", map[string]string{"endpoint": "b"}, ""},
		"Windows' lines":     {"admin:\r\n  endpoint: a\r\n", map[string]string{"endpoint": "a"}, ""},
		"anchors":            {"x: &x a\ny: &y [b, *x]\nadmin: &z\n  endpoint: *x\n  scopes: *y\n", map[string]string{"endpoint": "a", "scopes": "b|a"}, ""},
		"tags":               {"admin:\n  endpoint: !!str 1\n", map[string]string{"endpoint": "1"}, ""},
		"merged":             {"x: &x {endpoint: a, clientId: b}\nadmin:\n  endpoint: c\n  <<: *x\n", map[string]string{"endpoint": "c", "clientId": "b"}, ""},
		"several merged":     {"x: &x {endpoint: a}\ny: &y {endpoint: b, clientId: c}\nadmin:\n  <<: [*x, *y]\n", map[string]string{"endpoint": "a", "clientId": "c"}, ""},
		"an unknown alias":   {"admin:\n  endpoint: *x\n", nil, ""},
		"an alias of itself": {"admin:\n  endpoint: &x [*x]\n", nil, "f:2: admin.endpoint must be one value, not a list"},
		"and with a tag":     {"admin:\n  endpoint: &x !t *x\n", nil, ""},
		"a secret is no key": {"admin:\n  endpoint: a\n  clientSecret: s3cr3t\n", map[string]string{"endpoint": "a"}, ""},
		"not YAML":           {"admin:\n  endpoint: [a\n", nil, "f:2: "},
		"tabs":               {"admin:\n\tendpoint: a\n", nil, "f:2: "},
		"a list of lists":    {"admin:\n  endpoint: a\n  scopes: [[b]]\n", nil, "f:3: admin.scopes must be a list of single values"},
		"a list":             {"- admin\n", nil, "f:1: the file must be a mapping (name: value)"},
		"a word":             {"endpoint\n", nil, "f:1: the file must be a mapping (name: value)"},
		"admin is a word":    {"# x\nadmin: endpoint\n", nil, "f:2: admin must be a mapping (name: value)"},
		"a mapping":          {"admin:\n  endpoint: {a: b}\n", nil, "f:2: admin.endpoint must be one value"},
		"a list of one":      {"admin:\n  endpoint: [a]\n", nil, "f:2: admin.endpoint must be one value, not a list"},
		"more than one":      {"admin: {endpoint: a}\n---\nadmin: {endpoint: b}\n", nil, "f holds more than one YAML document"},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[string]string{}
			values, err := parseYAML("f", test.text)
			if err == nil {
				for option, v := range values {
					got[option] = v.text + strings.Join(v.list, "|")
				}
			}
			if test.want == nil {
				test.want = map[string]string{}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if (err != nil) != (test.err != "") || err != nil && (!strings.HasPrefix(err.Error(), test.err) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("the error is %v, want %q", err, test.err)
			}
		})
	}
}

// FuzzYAML: whatever the text, it is read or refused.
func FuzzYAML(f *testing.F) {
	for _, seed := range []string{"", everyYAML, "admin: &a\n  <<: *a\n  endpoint: *a\n", "admin: !!map {endpoint: ! x}\n", "? admin\n: endpoint: x\n", "admin:\n- endpoint\n", "<<: {admin: {endpoint: x}}\n", "admin: {endpoint: |\n x}", "%YAML 1.2\n---\nadmin:\n...\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxUntrustedFile {
			return // quadratic in the parser
		}
		values, err := parseYAML("f", text)
		if err != nil && !strings.HasPrefix(err.Error(), "f") {
			t.Fatalf("%q: %v", text, err)
		}
		for option, v := range values {
			if !v.isSet() || v.location == "" {
				t.Fatalf("%q: %s is %+v", text, option, v)
			}
		}
	})
}
