package execcred

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	for _, c := range []struct{ pattern, match, other string }{
		{"git.example.com",
			"https://git.example.com https://git.example.com:443 https://GIT.Example.COM https://git.example.com. HTTPS://git.example.com git.example.com git.example.com:443",
			"http://git.example.com http://git.example.com:443 https://git.example.com:80 https://git.example.com:8443 https://example.com https://a.git.example.com https://git.example.com.evil.example https://git-example.com https://gitxexample.com https://evilgit.example.com git.example.com:80"},
		{"Git.Example.COM.:8443", "https://git.example.com:8443 git.example.com:8443", "https://git.example.com http://git.example.com:8443 git.example.com"},
		{"git.example.com:443", "https://git.example.com https://git.example.com:443", "http://git.example.com:443 https://git.example.com:80"},
		{"git.example.com:80", "https://git.example.com:80 git.example.com:80", "http://git.example.com http://git.example.com:80 https://git.example.com git.example.com"},
		{"https://git.example.com", "https://git.example.com git.example.com", "http://git.example.com"},
		{"*.example.com", "https://a.example.com https://xn--bcher-kva.example.com https://bücher.example.com", "https://example.com https://a.b.example.com https://.example.com https://aexample.com https://a.example.com.evil.example https://a.example.com:8443 http://a.example.com https://*.example.com https://a.example.net"},
		{"*.git.example.com:8443", "https://a.git.example.com:8443", "https://a.git.example.com https://git.example.com:8443 https://b.a.git.example.com:8443"},
		{"http://registry.lan:5000", "http://registry.lan:5000 registry.lan:5000", "https://registry.lan:5000 http://registry.lan http://a.registry.lan:5000"},
		{"http://registry.lan", "http://registry.lan http://registry.lan:80 registry.lan registry.lan:80", "https://registry.lan https://registry.lan:80 registry.lan:443"},
		{"http://*.example.com", "http://a.example.com a.example.com", "https://a.example.com http://example.com"},
		{"localhost", "https://localhost http://localhost http://LOCALHOST.:80 https://localhost:443 localhost localhost:80", "https://localhost:80 http://localhost:443 https://a.localhost http://localhost.example.com http://127.0.0.1"},
		{"localhost:5000", "https://localhost:5000 http://localhost:5000 localhost:5000", "https://localhost"},
		{"https://localhost", "https://localhost", "http://localhost"},
		{"127.0.0.1:5000", "https://127.0.0.1:5000 http://127.0.0.1:5000 127.0.0.1:5000", "http://127.0.0.2:5000 http://127.1:5000 http://2130706433:5000 http://0x7f.0.0.1:5000 http://0177.0.0.1:5000 http://127.0.0.01:5000 http://localhost:5000"},
		{"127.99.0.1", "http://127.99.0.1", "http://127.0.0.1"},
		{"192.0.2.1", "https://192.0.2.1 https://192.0.2.1.", "http://192.0.2.1 https://192.0.2.10 https://192.0.2.1.example.com https://3221225985"},
		{"[2001:DB8::1]:8443", "https://[2001:db8:0:0:0:0:0:1]:8443 [2001:db8::1]:8443", "https://[2001:db8::1] https://[2001:db8::2]:8443 http://[2001:db8::1]:8443 https://2001:db8::1:8443"},
		{"[::1]", "https://[::1] http://[::1] http://[0::0:1]:80", "http://127.0.0.1 https://[::] http://[::1%25lo] http://[::1%lo] http://::1"},
		{"[::ffff:192.0.2.1]", "https://[::ffff:192.0.2.1] https://[::ffff:c000:201]", "https://192.0.2.1 http://[::ffff:192.0.2.1]"},
		{"bücher.example", "https://bücher.example https://xn--bcher-kva.example https://XN--BCHER-KVA.example", "https://bucher.example https://bu\u0308cher.example https://BÜCHER.example https://bücher.example.com"},
		{"foo_bar-1.example", "https://foo_bar-1.example https://FOO_bar-1.example", "https://foo-bar-1.example"},
		{"7zip", "https://7zip 7zip", "https://7"},
	} {
		p, err := ParsePattern(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		for _, s := range strings.Fields(c.match) {
			if h := dockerHost(s); !p.Matches(h) {
				t.Errorf("%s does not match %s, %+v", c.pattern, s, h)
			}
		}
		for _, s := range strings.Fields(c.other) {
			if h := dockerHost(s); p.Matches(h) {
				t.Errorf("%s matches %s, %+v", c.pattern, s, h)
			}
		}
		if p.Matches(Host{}) || (Pattern{}).Matches(dockerHost(strings.Fields(c.match)[0])) {
			t.Errorf("%s: nothing matches, or is matched", c.pattern)
		}
	}
	if (Pattern{}).Matches(Host{}) || (Pattern{}).Matches(Host{protocol: https}) || (Pattern{star: true}).Matches(Host{protocol: https, name: "a"}) {
		t.Error("the zero pattern matches")
	}
}

// What others matched, and should not have.
func TestTokenOfAnotherHost(t *testing.T) {
	for name, c := range map[string][2]string{
		"CVE-2020-11008: an empty host matches all":             {"git.example.com", "https://"},
		"CVE-2024-53858: an enterprise's token for any host":    {"git.example.com", "https://evil.example"},
		"CVE-2024-53263: looked at before it was decoded":       {"git.example.com", "https://git.example.com%2eevil.example"},
		"CVE-2024-50349: a control byte hides the rest":         {"git.example.com", "https://evil.example\x1b[2Kgit.example.com"},
		"CVE-2019-9636: a character that becomes a slash":       {"git.example.com", "https://git.example.com\u2100evil.example"},
		"an unanchored pattern: the end":                        {"git.example.com", "https://git.example.com.evil.example"},
		"an unanchored pattern: the beginning":                  {"git.example.com", "https://evilgit.example.com"},
		"an unanchored pattern: a dot is any character":         {"git.example.com", "https://gitxexample.com"},
		"a suffix that is not of whole labels":                  {"*.example.com", "https://evilexample.com"},
		"the host in the user part":                             {"git.example.com", "https://git.example.com@evil.example"},
		"the host in the path":                                  {"git.example.com", "https://evil.example/git.example.com"},
		"the host after a backslash":                            {"git.example.com", `https://evil.example\@git.example.com`},
		"the same host, readable on the way":                    {"git.example.com", "http://git.example.com"},
		"another service of the host":                           {"git.example.com", "https://git.example.com:8443"},
		"an address that curl takes for the machine's own":      {"127.0.0.1", "http://127.1"},
		"a name that some resolvers take for the machine's own": {"localhost", "http://localhost.evil.example"},
	} {
		p, err := ParsePattern(c[0])
		if err != nil {
			t.Fatal(err)
		}
		if h := parseURL(c[1]); p.Matches(h) {
			t.Errorf("%s: %s matches %q", name, p, c[1])
		}
		if h := dockerHost(strings.TrimPrefix(c[1], "https://")); p.Matches(h) {
			t.Errorf("%s: %s matches %q without its scheme", name, p, c[1])
		}
	}
}

func TestPatternText(t *testing.T) {
	for pattern, want := range map[string][2]string{
		"Git.Example.com.":             {"git.example.com", "https://git.example.com"},
		"git.example.com:443":          {"git.example.com:443", "https://git.example.com"},
		"https://git.example.com:443":  {"https://git.example.com", "https://git.example.com"},
		"HTTP://registry.lan:80":       {"http://registry.lan", "http://registry.lan"},
		"localhost:80":                 {"localhost:80", "https://localhost:80"},
		"[::1]:8080":                   {"[::1]:8080", "https://[::1]:8080"},
		"bücher.example":               {"xn--bcher-kva.example", "https://xn--bcher-kva.example"},
		"*.Example.com:8443":           {"*.example.com:8443", ""},
		"http://*.example.com":         {"http://*.example.com", ""},
		"[2001:0db8:0:0:0:0:0:0001]:1": {"[2001:db8::1]:1", "https://[2001:db8::1]:1"},
	} {
		p, err := ParsePattern(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		h, found := p.Host()
		if p.String() != want[0] || found != (want[1] != "") || found && h.String() != want[1] {
			t.Errorf("%s: %s, %s %t", pattern, p, h, found)
		}
	}
	if h, found := (Pattern{}).Host(); found {
		t.Errorf("the zero pattern names %s", h)
	}
}

// badAddresses name no host that all readers would read alike.
var badAddresses = []string{
	"", ".", "..", ":", ":443", "a:", "a:0", "a:00443", "a:0443", "a:65536", "a:-1", "a:+1", "a: 1", "a:1 ", "a:x", "a:1:2", "a:443:443", "a..b", ".a", "a..",
	"-a", "a-", "-oProxyCommand=x", "a.-b.c", "a b", " a", "a ", "a\t", "a\nb", "a\n", "a\r", "a\x00", "a\x00.example.com", "a\x7f", "\x1b[2Ka", "a\u0085", "a/b", "a?b", "a#b", "a@b", "user@a", "user:pw@a", `a\b`, `a\@b`,
	"a%b", "a%2eb", "%61", "a*", "*", "*.*", "a.*", "**.b.c", "a,b", "a;b", "a=b", "a|b", "a'b", `a"b`, "a<b", "a&b", "a$b", "a!b", "a(b", "a{b",
	"[", "]", "[]", "[::1", "::1]", "::1", "[::1]x", "[::1]:", "[::1%eth0]", "[::1%25eth0]", "[127.0.0.1]", "[a]", "[[::1]]", "[::1].", "[::1]:0", "[v1.a]", "2001:db8::1",
	"1", "0", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.0x4", "0x7f000001", "0x", "a.1", "a.0x1", "example.com.1", "2130706433",
	"\xff.example", "a\xc0\xaf.example", "straße.example", "ς.example", "a\u200db.example", "a\u200c.example", "a\u00adb.example", "ⓔxample.com", "ｅxample.com", "example。com", "exam℀ple.com", "a＠b.com", "example.com\uff0f", "\u212aelvin.example", "ﬁ.example", "\u202ea.example", "BÜCHER.example", "bu\u0308cher.example",
	strings.Repeat("a", 64), strings.Repeat("a.", 127) + "a", strings.Repeat("a", 1<<16),
}

func TestBadHost(t *testing.T) {
	for _, address := range badAddresses {
		for _, protocol := range []string{https, http} {
			if h, err := ParseHost(protocol, address); err == nil || h != (Host{}) {
				t.Errorf("%.80q is %s, %v", address, h, err)
			} else if s := err.Error(); !isClean(s) || len(s) > 600 {
				t.Errorf("%.80q: %q does not stand on a line", address, s)
			}
		}
		for _, prefix := range []string{"", "https://", "http://", "*.", "http://*."} {
			if p, err := ParsePattern(prefix + address); err == nil || p != (Pattern{}) {
				t.Errorf("%.80q is %s, %v", prefix+address, p, err)
			}
		}
	}
	for _, protocol := range []string{"", "ssh", "git", "ftp", "cert", "https ", "https\n", "htt", "httpss", "ʜttps", "file", "*", "wss"} {
		if h, err := ParseHost(protocol, "git.example.com"); err == nil || h != (Host{}) || !isClean(err.Error()) {
			t.Errorf("%q is %s, %v", protocol, h, err)
		}
	}
}

// A star must leave a domain that has one owner.
func TestBadPattern(t *testing.T) {
	for _, pattern := range []string{
		"*", "*.", "*.com", "*.com:443", "*.localhost", "*.127.0.0.1", "*.[::1]", "*.*.example.com", "a.*.example.com", "*example.com", "a*.example.com", "*..example.com",
		"https://", "://a", "ssh://a", "//a", "https:a", "https:/a", "https://a/", "https://a/b", "a/b", "https://https://a", "https://user@a", " a", "a\n", "?.example.com", "[a-z].example.com", "(.*)", "regexp:a",
	} {
		if p, err := ParsePattern(pattern); err == nil || p != (Pattern{}) {
			t.Errorf("%q is %s, %v", pattern, p, err)
		}
	}
}

func TestURL(t *testing.T) {
	for s, want := range map[string]string{
		"https://a.example/b?c=%2f..#d":            "https://a.example",
		"https://a.example?b":                      "https://a.example",
		"https://a.example#b":                      "https://a.example",
		"https://a.example:443/%20":                "https://a.example",
		"http://a.example:443/":                    "http://a.example:443",
		"https://a.example/x/..y/z..":              "https://a.example",
		"https://a.example/x/../y":                 "",
		"https://a.example/..":                     "",
		"https://a.example/x%2Fy":                  "",
		"https://a.example/%2E./y":                 "",
		"https://a.example@evil.example/":          "",
		"https://evil.example@a.example/":          "",
		`https://a.example\@evil.example/`:         "",
		`https:\\a.example`:                        "",
		"https://a.example\n.evil.example/":        "",
		"https://a.example/\x1b[2K":                "",
		"https:///a.example":                       "",
		"https:a.example":                          "",
		"//a.example":                              "",
		"a.example":                                "",
		"javascript://a.example/%0aalert(1)":       "",
		"https://a.example%2f.evil.example":        "",
		"https://evil.example?https://a.example":   "https://evil.example",
		"https://evil.example#@a.example":          "https://evil.example",
		" https://a.example":                       "",
		"https://a.example/" + "\x00":              "",
		"https://evil.example/https://a.example/x": "https://evil.example",
	} {
		got := ""
		if h := parseURL(s); h != (Host{}) {
			got = h.String()
		}
		if got != want {
			t.Errorf("%q is of %q, not %q", s, got, want)
		}
	}
}

// FuzzHost has as its judge net/url, which reads what we have written.
func FuzzHost(f *testing.F) {
	for _, address := range badAddresses {
		f.Add("*.example.com", https, address[:min(len(address), 300)])
	}
	f.Add("a.example.com:443", https, "A.example.com.")
	f.Add("http://[::1]:80", http, "[0::1]")
	f.Add("bücher.example", https, "xn--bcher-kva.example:443")
	f.Fuzz(func(t *testing.T, pattern, protocol, address string) {
		h, err := ParseHost(protocol, address)
		if err != nil {
			if h != (Host{}) || !isClean(err.Error()) {
				t.Fatalf("%v with %q", h, err)
			}
		} else {
			checkHost(t, h)
		}
		p, err := ParsePattern(pattern)
		if err != nil {
			if p != (Pattern{}) || !isClean(err.Error()) || p.Matches(h) {
				t.Fatalf("%v with %q", p, err)
			}
			return
		}
		if again, err := ParsePattern(p.String()); err != nil || again != p {
			t.Fatalf("%q is %+v, whose text is %+v, %v", pattern, p, again, err)
		}
		if p.Matches(h) {
			checkMatch(t, p, h)
		}
	})
}

func checkHost(t *testing.T, h Host) {
	t.Helper()
	u, err := url.Parse(h.String())
	if err != nil || u.Host != h.address() || u.User != nil || u.Path != "" || u.Hostname() != h.name || strings.ContainsAny(h.name, "/?#@\\%*[] ") {
		t.Fatalf("%+v is another host for net/url: %+v, %v", h, u, err)
	}
	for i := range len(h.name) {
		if h.name[i] <= ' ' || h.name[i] > '~' || h.name[i] >= 'A' && h.name[i] <= 'Z' {
			t.Fatalf("%q has the byte %#x", h.name, h.name[i])
		}
	}
	again, err := ParseHost(h.protocol, u.Host)
	if err != nil || again != h {
		t.Fatalf("%+v is read back as %+v, %v", h, again, err)
	}
}

func checkMatch(t *testing.T, p Pattern, h Host) {
	t.Helper()
	name := strings.TrimPrefix(p.String(), h.protocol+"://")
	if p.host.port != 0 {
		name = name[:strings.LastIndexByte(name, ':')]
	}
	name = strings.Trim(name, "[]")
	parent, star := strings.CutPrefix(name, "*.")
	label, found := strings.CutSuffix(h.name, "."+parent)
	if star && (!found || label == "" || strings.Contains(label, ".")) || !star && h.name != name {
		t.Fatalf("%s matches %s", p, h)
	}
	address, _ := netip.ParseAddr(h.name)
	if h.protocol == http && !strings.HasPrefix(p.String(), "http://") && h.name != "localhost" && !address.IsLoopback() {
		t.Fatalf("%s matches %s, which is readable on the way", p, h)
	}
}
