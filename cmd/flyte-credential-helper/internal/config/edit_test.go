package config

import (
	"strings"
	"testing"
)

// A profile is added, or replaced, and not a byte besides.
func TestWithProfile(t *testing.T) {
	p := Profile{
		"issuer": {Words: []string{"https://x"}}, "client-id": {Words: []string{"a: b #c"}}, "scope": {Words: []string{"openid", "null", "a,b"}},
		"auth-param": {Words: []string{"k=v=w", "z=true"}}, "redirect-port": {Words: []string{"18000"}}, "no-browser": {Words: []string{"true"}},
	}
	const text = `    issuer: https://x
    client-id: "a: b #c"
    scope: [openid, "null", "a,b"]
    redirect-port: [18000]
    auth-param: {k: "v=w", z: "true"}
    no-browser: "true"
`
	for name, test := range map[string]struct{ before, after string }{
		"nothing":          {"", "profiles:\n  new:\n" + text},
		"a comment":        {"# mine\n", "# mine\nprofiles:\n  new:\n" + text},
		"no profiles":      {"profiles:\n", "profiles:\n  new:\n" + text},
		"others":           {"profiles:\n  # of a\n  a: {issuer: x}   # inline\n\n# end\n", "profiles:\n  # of a\n  a: {issuer: x}   # inline\n  new:\n" + text + "\n# end\n"},
		"no last newline":  {"profiles:\n  a:\n    issuer: x", "profiles:\n  a:\n    issuer: x\n  new:\n" + text},
		"replaced":         {"profiles:\n  new:\n    issuer: y\n\n    # of audience\n    audience: z\n  # of b\n  b: {issuer: x}\n", strings.Replace("profiles:\n  new:\n"+text, "//x\n", "//x\n\n    # of audience\n", 1) + "  # of b\n  b: {issuer: x}\n"},
		"replaced at last": {"profiles:\n  b: {issuer: x}\n  new:\n    issuer: y\n# end\n", "profiles:\n  b: {issuer: x}\n  new:\n" + text + "# end\n"},
		"indented by four": {"profiles:\n    b: {issuer: x}\n", "profiles:\n    b: {issuer: x}\n    new:\n" + strings.ReplaceAll(text, "    ", "      ")},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := withProfile(test.before, p)
			if err != nil || got != test.after {
				t.Errorf("%v\n%s\nwant\n%s", err, got, test.after)
			}
			again, err := withProfile(got, p)
			if err != nil || again != got {
				t.Errorf("twice is not once: %v\n%s", err, again)
			}
		})
	}
}

// withProfile returns a configuration with the profile new.
func withProfile(text string, p Profile) (string, error) {
	file, err := ReadFile("config.yaml", func(string) ([]byte, error) { return []byte(text), nil })
	if err != nil {
		return "", err
	}
	after, err := file.WithProfile([]byte(text), "new", p)
	return string(after), err
}

// What cannot be changed without a risk is left alone, and said.
func TestWithProfileElsewhere(t *testing.T) {
	p := Profile{"issuer": {Words: []string{"https://x"}}}
	for name, before := range map[string]string{
		"in braces":     "profiles: {a: {issuer: x}}\n",
		"with tabs":     "profiles:\n\ta: {issuer: x}\n",
		"no mapping":    "- profiles\n",
		"wrong setting": "profiles:\n  a: {nosuch: x}\n",
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := withProfile(before, p); err == nil {
				t.Errorf("it became\n%s", got)
			}
		})
	}
}
