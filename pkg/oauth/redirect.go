package oauth

import (
	"fmt"
	"net"
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
		return nil, &ConfigError{Setting: "redirect-uri", Problem: fmt.Sprintf("%q is not a redirect URI: an absolute URL without fragment (RFC 6749 §3.1.2)", Printable(raw))}
	}
	r := &redirect{uri: u, path: u.EscapedPath()}
	if port := u.Port(); r.loopback() && port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, &ConfigError{Setting: "redirect-uri", Problem: "there is no port " + port + ": leave it out for one that is free"}
		}
	}
	if r.path == "" {
		r.path = "/"
	}
	if r.loopback() && u.Scheme != "http" {
		return nil, &ConfigError{Setting: "redirect-uri", Problem: "a redirect to loopback must be http (RFC 8252 §7.3)"}
	}
	return r, nil
}

// loopback reports whether we can listen where r leads. All else is pasted.
func (r *redirect) loopback() bool {
	return slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, r.uri.Hostname())
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

// listen binds both families of loopback, or the one this machine has: on r's
// own port, else on the first free one of fallbacks; on an ephemeral one where
// neither is given.
func (r *redirect) listen(fallbacks []int) ([]net.Listener, int, error) {
	hosts := families()
	if len(hosts) == 0 {
		return nil, 0, &ConfigError{Setting: "redirect-uri", Problem: "this machine has no loopback to listen on"}
	}
	ports := fallbacks
	if own, err := strconv.Atoi(r.uri.Port()); err == nil {
		ports = append([]int{own}, fallbacks...)
	}
	if len(ports) == 0 {
		return listenEphemeral(hosts)
	}
	var busy []string
	for _, port := range ports {
		l, err := listen(hosts, port)
		if err == nil {
			return l, port, nil
		}
		busy = append(busy, strconv.Itoa(port))
	}
	return nil, 0, &ConfigError{Setting: "redirect-port", Problem: "another program, perhaps another login, listens on loopback port " + strings.Join(busy, " and ")}
}

// free says what listen would, before the server is asked anything in vain.
func (r *redirect) free(fallbacks []int) error {
	if !r.loopback() {
		return nil
	}
	listeners, _, err := r.listen(fallbacks)
	closeAll(listeners)
	return err
}

// families lists the loopback addresses that this machine has.
func families() []string {
	var found []string
	for _, host := range []string{"127.0.0.1", "::1"} {
		if l, err := listen([]string{host}, 0); err == nil {
			closeAll(l)
			found = append(found, host)
		}
	}
	return found
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
	return nil, 0, fmt.Errorf("no port is free on loopback: %w", err)
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
