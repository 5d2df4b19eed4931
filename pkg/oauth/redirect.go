package oauth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// redirect is a redirect URI taken apart.
type redirect struct {
	uri  *url.URL
	path string // of the callback: an empty one is "/", as browsers send it
}

func parseRedirect(raw string) (*redirect, error) {
	if raw == "" {
		raw = "http://127.0.0.1"
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Fragment != "" || u.User != nil {
		return nil, ConfigError("redirect-uri", "%q is not a redirect URI: an absolute URL without fragment (RFC 6749 §3.1.2)", Printable(raw))
	}
	r := &redirect{uri: u, path: u.EscapedPath()}
	if port := u.Port(); r.loopback() && port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, ConfigError("redirect-uri", "%s", "there is no port "+port+": leave it out for one that is free")
		}
	}
	if r.path == "" {
		r.path = "/"
	}
	if r.loopback() && u.Scheme != "http" {
		return nil, ConfigError("redirect-uri", "a redirect to loopback must be http (RFC 8252 §7.3)")
	}
	return r, nil
}

// loopback reports whether r leads to this machine. Browsers write an IPv4 address in the
// form of IPv6 in another way than r, so such an address does not count.
func (r *redirect) loopback() bool {
	ip, _ := netip.ParseAddr(r.uri.Hostname())
	return isLoopback(r.uri.Hostname()) && !ip.Is4In6()
}

// withPort is the redirect URI as it is sent for a listener on port. One that
// names that port already is left as it was written.
func (r *redirect) withPort(port int) string {
	u := *r.uri
	if u.Port() != strconv.Itoa(port) {
		u.Host = net.JoinHostPort(u.Hostname(), strconv.Itoa(port))
	}
	return u.String()
}

// hosts lists the addresses to listen on: both families of loopback, unless r names
// another loopback address.
func (r *redirect) hosts() ([]string, error) {
	ip, err := netip.ParseAddr(r.uri.Hostname())
	if err == nil && ip != netip.IPv6Loopback() && ip != netip.AddrFrom4([4]byte{127, 0, 0, 1}) {
		return []string{ip.String()}, nil
	}
	var found []string
	for _, host := range []string{"127.0.0.1", "::1"} {
		l, err := listen([]string{host}, 0)
		if exhausted(err) {
			return nil, cannotListen(host, err)
		}
		if err == nil {
			closeAll(l)
			found = append(found, host)
		}
	}
	if len(found) == 0 {
		return nil, ConfigError("redirect-uri", "this machine has no loopback address to listen on")
	}
	return found, nil
}

// ports lists the fixed ports of r, in the order of preference; empty: any port.
func (r *redirect) ports(fallbacks []int) []int {
	if own, err := strconv.Atoi(r.uri.Port()); err == nil {
		return append([]int{own}, fallbacks...)
	}
	return fallbacks
}

// binding is the listening sockets of a login.
type binding struct {
	listeners []net.Listener
	port      int    // of the redirect URI
	unlock    func() // ends what LockPort began
}

func (b *binding) release() {
	closeAll(b.listeners)
	b.unlock()
}

// bind listens at the address of r, or at c.Listen. The fixed ports are tried in their order.
// If none is free, and another process of ours has one, bind waits for that one.
func (r *redirect) bind(ctx context.Context, c *Client) (*binding, error) {
	hosts, ports, err := r.addresses(c)
	if err != nil {
		return nil, err
	}
	if len(ports) == 0 {
		listeners, port, err := listenEphemeral(hosts)
		return &binding{listeners, port, func() {}}, err
	}
	b, ours, err := firstFree(ctx, c, hosts, ports, false)
	if err == nil && b == nil && len(ours) > 0 {
		b, _, err = firstFree(ctx, c, hosts, ours[:1], true)
	}
	if err == nil && b == nil {
		return nil, busy(ports)
	}
	if b != nil && c.Listen != "" {
		b.port = r.publicPort(b.port)
	}
	return b, err
}

// free returns the error that bind would return, before a request to the server. A port
// that another process of this program has counts as free.
func (r *redirect) free(ctx context.Context, c *Client) error {
	hosts, ports, err := r.addresses(c)
	if err != nil || len(ports) == 0 {
		return err
	}
	b, ours, err := firstFree(ctx, c, hosts, ports, false)
	switch {
	case err != nil:
		return err
	case b != nil:
		b.release()
	case len(ours) == 0:
		return busy(ports)
	}
	return nil
}

// addresses lists the hosts and ports to listen on. No port means any port.
func (r *redirect) addresses(c *Client) (hosts []string, ports []int, err error) {
	if c.Listen == "" {
		hosts, err = r.hosts()
		return hosts, r.ports(c.RedirectPorts), err
	}
	host, port, err := splitListen(c.Listen)
	return []string{host}, []int{port}, err
}

// splitListen reads HOST:PORT. An empty host means all addresses.
func splitListen(address string) (string, int, error) {
	host, service, err := net.SplitHostPort(address)
	port, e := strconv.ParseUint(service, 10, 16)
	if err != nil || e != nil || port == 0 {
		return "", 0, ConfigError("listen", "%q is not HOST:PORT, such as 0.0.0.0:8000", Printable(address))
	}
	return host, int(port), nil
}

// publicPort is the port that r names. Without one it is listened, the port of c.Listen, on
// loopback, and elsewhere that of the scheme.
func (r *redirect) publicPort(listened int) int {
	own, err := strconv.Atoi(r.uri.Port())
	switch {
	case err == nil:
		return own
	case r.loopback():
		return listened
	}
	return defaultPort(r.uri.Scheme)
}

// firstFree listens on the first of ports that is free, after it has locked it. It also
// returns the ports that other processes of ours have locked. If wait is set, it waits for
// those. It returns no binding if no port is free.
func firstFree(ctx context.Context, c *Client, hosts []string, ports []int, wait bool) (b *binding, ours []int, err error) {
	for _, port := range ports {
		unlock, err := lockPort(ctx, c, port, wait)
		if err != nil {
			return nil, nil, err
		}
		if unlock == nil {
			ours = append(ours, port)
			continue
		}
		listeners, err := listen(hosts, port)
		if err == nil {
			return &binding{listeners, port, unlock}, nil, nil
		}
		unlock()
		if !errors.Is(err, addressInUse) {
			return nil, nil, cannotListen(net.JoinHostPort(hosts[0], strconv.Itoa(port)), err)
		}
	}
	return nil, ours, nil
}

func lockPort(ctx context.Context, c *Client, port int, wait bool) (func(), error) {
	if c.LockPort == nil {
		return func() {}, nil
	}
	return c.LockPort(ctx, port, wait)
}

// busy is the error of ports that other programs have.
func busy(ports []int) *Error {
	var names []string
	for _, port := range ports {
		names = append(names, strconv.Itoa(port))
	}
	e := Temporary("another program listens on port %s of the redirect URI", strings.Join(names, " and "))
	e.Setting = "redirect-port"
	return e
}

// cannotListen is the error of an address on which this process cannot listen, for
// another reason than that it is in use.
func cannotListen(address string, err error) *Error {
	class := ClassConfig
	if exhausted(err) {
		class = ClassLocal
	}
	return &Error{Class: class, Setting: "redirect-uri", Problem: fmt.Sprintf("cannot listen on %s: %s", address, Printable(err.Error()))}
}

// listenEphemeral finds a port that is free on every one of hosts.
func listenEphemeral(hosts []string) ([]net.Listener, int, error) {
	var err error
	for range 10 {
		var first, all []net.Listener
		if first, err = listen(hosts[:1], 0); err != nil {
			break
		}
		port := first[0].Addr().(*net.TCPAddr).Port
		if all, err = listen(hosts[1:], port); err == nil {
			return append(first, all...), port, nil
		}
		closeAll(first)
	}
	return nil, 0, cannotListen(hosts[0], err)
}

// listen binds port on every one of hosts, or on none.
func listen(hosts []string, port int) ([]net.Listener, error) {
	var bound []net.Listener
	for _, host := range hosts {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			closeAll(bound)
			return nil, err
		}
		bound = append(bound, l)
	}
	return bound, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
}

// defaultPort is the port of a URL without one.
func defaultPort(scheme string) int {
	if scheme == "https" {
		return 443
	}
	return 80
}

// named reports whether a Host header names r, with its own port or, if it has none, port.
// Each name of loopback stands for both of its usual addresses.
func (r *redirect) named(host string, port int) bool {
	name, service, err := net.SplitHostPort(host)
	if err != nil {
		name, service = strings.Trim(host, "[]"), strconv.Itoa(defaultPort(r.uri.Scheme))
	}
	if service != strconv.Itoa(port) {
		return false
	}
	usual := []string{"localhost", "127.0.0.1", "::1"}
	return strings.EqualFold(name, r.uri.Hostname()) || r.loopback() && slices.Contains(usual, name)
}
