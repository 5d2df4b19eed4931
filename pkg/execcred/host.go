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

// Host is a server for which a program asks for a credential, in the one normal
// form of its protocol, name and port: two are the same server where they are
// equal. The zero Host is none, and no [Pattern] matches it.
type Host struct {
	protocol string // empty where the caller does not say which
	name     string // lower case, ASCII, no final dot, no brackets
	port     uint16 // 0: the protocol's own
}

// ParseHost reads a protocol, https or http, and a host with perhaps a port, as
// they stand in a URL that has been decoded. What could be read in two ways is
// refused.
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

// String returns the URL of the host, without a port that goes without saying,
// or just its address where the protocol is not known.
func (h Host) String() string {
	if h.protocol == "" {
		return h.address()
	}
	return h.protocol + "://" + h.address()
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

// withProtocol is h by way of the protocol, whose own port need not be said.
func (h Host) withProtocol(protocol string) Host {
	h.protocol = protocol
	if protocol == https && h.port == 443 || protocol == http && h.port == 80 {
		h.port = 0
	}
	return h
}

// Secure reports whether h is asked by https.
func (h Host) Secure() bool { return h.protocol == https }

// loopback reports whether what is said to h does not leave the machine.
func (h Host) loopback() bool {
	address, err := netip.ParseAddr(h.name)
	return h.name == "localhost" || err == nil && address.IsLoopback()
}

// Pattern says which hosts get a token: one host, or all that have one label
// more. The zero Pattern matches none.
type Pattern struct {
	host Host
	star bool
}

// ParsePattern reads HOST, HOST:PORT or either after "*.", which stands for
// exactly one label. That means https, and http too where the host is the machine
// itself. After "http://" it means http only, the one way to have a token sent
// readable over a network, and after "https://" https only.
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
		return Pattern{}, fmt.Errorf("%.80q is too wide: after *. stands a domain of two labels or more", s)
	}
	return Pattern{host: h, star: star}, nil
}

// String returns the pattern as [ParsePattern] reads it.
func (p Pattern) String() string {
	if !p.star {
		return p.host.String()
	}
	h := p.host
	h.name = "*." + h.name
	return h.String()
}

// Host returns the host that p names, by https unless it says http. There is none
// where p has a star.
func (p Pattern) Host() (h Host, found bool) {
	if p.star || p.host.name == "" {
		return Host{}, false
	}
	if p.host.protocol == "" {
		return p.host.withProtocol(https), true
	}
	return p.host, true
}

// Matches reports whether h gets a token. Where its caller does not say how it
// talks to it, it is enough that p allows one way.
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

// parseAddress reads a host with perhaps a port, of no protocol yet.
func parseAddress(address string) (Host, error) {
	name, port := address, uint64(0)
	if i := strings.LastIndexByte(address, ':'); i > strings.LastIndexByte(address, ']') {
		name = address[:i]
		port, _ = strconv.ParseUint(address[i+1:], 10, 16)
		if port == 0 || strconv.FormatUint(port, 10) != address[i+1:] {
			return Host{}, fmt.Errorf("%.80q has no proper port", address)
		}
	}
	name, ok := normalName(name)
	if !ok {
		return Host{}, fmt.Errorf("%.80q is not a host: only a name or an address is, with or without a port", address)
	}
	return Host{name: name, port: uint16(port)}, nil
}

// normalName returns the one way to write a host's name.
func normalName(name string) (normal string, ok bool) {
	if inner, found := strings.CutPrefix(name, "["); found {
		inner, found = strings.CutSuffix(inner, "]")
		address, err := netip.ParseAddr(inner)
		return address.String(), found && err == nil && address.Is6() && address.Zone() == ""
	}
	name, ok = ascii(strings.TrimSuffix(name, "."))
	return name, ok && isName(name)
}

// isName reports whether name is that of a host, or an IPv4 address. What ends in
// a number and is no such address some callers take for one all the same.
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

// deviationCharacters are the characters that older rules turn into others: a host with
// one of them is two hosts, and which one is meant depends on the caller
// (UTS #46 §7).
const deviationCharacters = "ßς\u200c\u200d"

// ascii returns the name in lower case and in the letters of the DNS. A name of
// other letters must be in its normal form: no character in it may stand for
// another, a dot or a slash least of all.
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

// cutAddress returns what stands in a URL between "//" and the path. It refuses a
// path by which a server and those before it may mean different things.
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

// parseURL reads the host of a URL, of which the caller's protocols are those of
// [ParseHost]. It is zero where no token is given for such a URL.
func parseURL(url string) Host {
	protocol, rest, _ := strings.Cut(url, "://")
	address, ok := cutAddress(rest)
	if !ok {
		return Host{}
	}
	h, _ := ParseHost(protocol, address)
	return h
}

// isPath reports whether path leads down only, and is decoded.
func isPath(path string) bool {
	for segment := range strings.SplitSeq(strings.ToLower(path), "/") {
		if segment == ".." || strings.Contains(segment, "%2e") || strings.Contains(segment, "%2f") {
			return false
		}
	}
	return true
}

// isClean reports whether s has no control characters, which could start a line,
// or another sentence on a terminal.
func isClean(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
