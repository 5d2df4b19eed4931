package execcred

// https://www.rfc-editor.org/rfc/rfc3986#section-3.2

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

const (
	https = "https"
	http  = "http"
)

// Host is a server for which a program asks for a credential, in the normal form of its
// protocol, name and port: equal Hosts are the same server. The zero Host is no server, and
// no [Pattern] matches it.
type Host struct {
	protocol string // empty: the caller does not name it
	name     string // lower case, ASCII, no final dot, no brackets
	port     uint16 // 0: the default port of the protocol
}

// ParseHost parses a protocol, https or http, and a host with an optional port, as they are
// in a decoded URL. It returns an error if they are ambiguous.
func ParseHost(protocol, address string) (Host, error) {
	protocol = strings.ToLower(protocol)
	if protocol != https && protocol != http {
		return Host{}, fmt.Errorf("%.20q is not a protocol for tokens: only https and http are", protocol)
	}
	h, err := parseAddress(address)
	if err != nil {
		return Host{}, err
	}
	return h.withProtocol(protocol), nil
}

// String returns the URL of the host without a default port, or only its address if the
// protocol is not known.
func (h Host) String() string {
	if h.protocol == "" {
		return h.address()
	}
	return h.protocol + "://" + h.address()
}

// Pattern returns the pattern that matches only h.
func (h Host) Pattern() Pattern {
	if h.protocol == https {
		h.protocol = "" // the usual one
	}
	return Pattern{host: h}
}

func (h Host) address() string {
	s := h.name
	if strings.Contains(s, ":") {
		s = "[" + s + "]"
	}
	if h.port != 0 {
		s += ":" + strconv.Itoa(int(h.port))
	}
	return s
}

// withProtocol returns h with a protocol, and without the port if it is the protocol's default.
func (h Host) withProtocol(protocol string) Host {
	h.protocol = protocol
	if protocol == https && h.port == 443 || protocol == http && h.port == 80 {
		h.port = 0
	}
	return h
}

// Secure reports whether the protocol of h is https.
func (h Host) Secure() bool { return h.protocol == https }

// loopback reports whether requests to h do not leave the machine.
func (h Host) loopback() bool {
	address, err := netip.ParseAddr(h.name)
	return h.name == "localhost" || err == nil && address.IsLoopback()
}

// Pattern matches the hosts that get a token: one host, or all hosts one label below it.
// The zero Pattern matches no host.
type Pattern struct {
	host Host
	star bool
}

// ParsePattern parses HOST or HOST:PORT, each optionally after "*.", which stands for
// exactly one label. Such a pattern matches https, and also http if the host is loopback.
// A pattern that begins with "http://" matches http only, and is the only way to allow a
// token to be sent unencrypted over a network. One with "https://" matches https only.
func ParsePattern(s string) (Pattern, error) {
	protocol, address, found := strings.Cut(s, "://")
	if !found {
		protocol, address = "", s
	}
	parent, star := strings.CutPrefix(address, "*.")
	h, err := parseAddress(parent)
	if err == nil && found {
		h, err = ParseHost(protocol, parent)
	}
	if err != nil {
		return Pattern{}, err
	}
	if _, err := netip.ParseAddr(h.name); star && (err == nil || !strings.Contains(h.name, ".")) {
		return Pattern{}, fmt.Errorf("%.80q is too wide: after *. there must be a domain of two labels or more", s)
	}
	return Pattern{host: h, star: star}, nil
}

// String returns the pattern in the form that [ParsePattern] accepts.
func (p Pattern) String() string {
	if !p.star {
		return p.host.String()
	}
	h := p.host
	h.name = "*." + h.name
	return h.String()
}

// Host returns the host that p names, with the protocol https unless p says http. found is
// false if p has a star.
func (p Pattern) Host() (h Host, found bool) {
	if p.star || p.host.name == "" {
		return Host{}, false
	}
	if p.host.protocol == "" {
		return p.host.withProtocol(https), true
	}
	return p.host, true
}

// Matches reports whether h gets a token. If h has no protocol, p must allow one of the
// two.
func (p Pattern) Matches(h Host) bool {
	if h.protocol == "" {
		return p.matches(h.withProtocol(https)) || p.matches(h.withProtocol(http))
	}
	return p.matches(h)
}

func (p Pattern) matches(h Host) bool {
	allowed := p.host.protocol == h.protocol || p.host.protocol == "" && (h.protocol == https || h.loopback())
	name := h.name
	if p.star {
		_, name, _ = strings.Cut(name, ".")
	}
	return allowed && name != "" && name == p.host.name && h.port == p.host.withProtocol(h.protocol).port
}

// parseAddress parses a host with an optional port. The result has no protocol.
func parseAddress(address string) (Host, error) {
	name, port := address, uint64(0)
	if i := strings.LastIndexByte(address, ':'); i > strings.LastIndexByte(address, ']') {
		name = address[:i]
		port, _ = strconv.ParseUint(address[i+1:], 10, 16)
		if port == 0 || strconv.FormatUint(port, 10) != address[i+1:] {
			return Host{}, fmt.Errorf("%.80q has an invalid port", address)
		}
	}
	name, ok := normalName(name)
	if !ok {
		return Host{}, fmt.Errorf("%.80q is not a host: it must be a name or an address, with or without a port", address)
	}
	return Host{name: name, port: uint16(port)}, nil
}

// normalName returns the normal form of a host's name.
func normalName(name string) (normal string, ok bool) {
	if inner, found := strings.CutPrefix(name, "["); found {
		inner, found = strings.CutSuffix(inner, "]")
		address, err := netip.ParseAddr(inner)
		return address.String(), found && err == nil && address.Is6() && address.Zone() == ""
	}
	name, ok = ascii(strings.TrimSuffix(name, "."))
	return name, ok && isName(name)
}

// isName reports whether name is the name of a host, or an IPv4 address. A name that ends
// in a number must be such an address, because some callers read it as one.
func isName(name string) bool {
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") || strings.ContainsFunc(label, notInLabel) {
			return false
		}
		last = label
	}
	if strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") {
		_, err := netip.ParseAddr(name)
		return err == nil
	}
	return len(name) <= 253
}

func notInLabel(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// deviationCharacters are the characters that older rules map to other ones. A name with one
// of them means different hosts to different callers (UTS #46 §7).
const deviationCharacters = "ßς\u200c\u200d"

// ascii returns the name in lower case and as ASCII (Punycode). A name with other
// characters must be in its normal form: no character may be mapped to another, such as a
// dot or a slash.
func ascii(name string) (string, bool) {
	lower := strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, name)
	if !strings.ContainsFunc(lower, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return lower, true
	}
	if !utf8.ValidString(name) || strings.ContainsAny(name, deviationCharacters) {
		return "", false
	}
	letters, err := idna.Lookup.ToASCII(lower)
	if err != nil {
		return "", false
	}
	back, err := idna.Lookup.ToUnicode(letters)
	return letters, err == nil && back == lower
}

// cutAddress returns the part of a URL between "//" and the path. ok is false if a server
// and a proxy could read the path differently.
func cutAddress(rest string) (address string, ok bool) {
	i := strings.IndexAny(rest, "/?#")
	if i < 0 {
		i = len(rest)
	}
	path := rest[i:]
	if j := strings.IndexAny(path, "?#"); j >= 0 {
		path = path[:j]
	}
	return rest[:i], isClean(rest) && isPath(path)
}

// parseURL returns the host of a URL. It is zero if no token may be sent to such a URL: its
// protocol is not one of [ParseHost], or the URL is ambiguous.
func parseURL(url string) Host {
	protocol, rest, _ := strings.Cut(url, "://")
	address, ok := cutAddress(rest)
	if !ok {
		return Host{}
	}
	h, _ := ParseHost(protocol, address)
	return h
}

// isPath reports whether path has no segment ".." and no encoded dot or slash.
func isPath(path string) bool {
	for segment := range strings.SplitSeq(strings.ToLower(path), "/") {
		if segment == ".." || strings.Contains(segment, "%2e") || strings.Contains(segment, "%2f") {
			return false
		}
	}
	return true
}

// isClean reports whether s has no control characters, which could begin a line or control
// a terminal.
func isClean(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
