package oauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// Error is an authorization server's definite answer that it will not do what
// was asked: RFC 6749 §4.1.2.1 (in the redirect) and §5.2 (at the token
// endpoint). Its texts are stripped of control characters and cut.
type Error struct {
	Code        string // RFC 6749's error, such as "invalid_grant"
	Description string // error_description
	URI         string // error_uri
	Host        string // who said so
}

func (e *Error) Error() string {
	s := e.Host + " answered " + e.Code
	if e.Description != "" {
		s += ": " + e.Description
	}
	if e.URI != "" {
		s += " (see " + e.URI + ")"
	}
	return s
}

// LoggedOut reports whether err says that a refresh token is dead: RFC 6749
// §5.2's invalid_grant. Nothing else does, nor that of a server in trouble.
func LoggedOut(err error) bool {
	var e *Error
	return !errors.As(err, new(*TemporaryError)) && errors.As(err, &e) && e.Code == "invalid_grant"
}

// TemporaryError is a failure that says nothing about the login: the network,
// a server in trouble, a time-out. The same call may succeed later.
type TemporaryError struct {
	Err    error
	Person bool // it was a person who did not answer in time

	cut   bool          // the answer broke off: what became of the request is not known
	after time.Duration // the server did nothing, and says when to ask again
}

func (e *TemporaryError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *TemporaryError) Unwrap() error { return e.Err }

// ConfigError is a setting that cannot work, whatever the server does.
type ConfigError struct {
	Setting string // the flag's name, such as "redirect-uri"
	Problem string // a sentence that stands alone
}

func (e *ConfigError) Error() string { return e.Problem }

func temporary(format string, args ...any) error {
	return &TemporaryError{Err: fmt.Errorf(format, args...)}
}

// newError makes others' words fit for people.
func newError(host, code, description, uri string) *Error {
	return &Error{Code: Printable(code), Description: Printable(description), URI: Printable(uri), Host: host}
}

// refusal turns the words of RFC 6749's error members into an error.
// server_error and temporarily_unavailable (§4.1.2.1) are temporary.
func refusal(host, code, description, uri string) error {
	e := newError(host, code, description, uri)
	if code == "server_error" || code == "temporarily_unavailable" {
		return &TemporaryError{Err: e}
	}
	return e
}

// Unreachable says in a person's words why a request got no answer. The URL's
// query never shows: it may hold what is secret.
func Unreachable(ctx context.Context, host string, err error) error {
	if ctx.Err() != nil && context.Cause(ctx) != errTooSlow {
		return context.Cause(ctx)
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	var (
		unknownCA x509.UnknownAuthorityError
		wrongHost x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		dns       *net.DNSError
		timeout   net.Error
		proxy     *net.OpError
	)
	switch {
	case err.Error() == http.StatusText(http.StatusProxyAuthRequired): // net/http has no other word for it
		return errProxyUser(host)
	case errors.As(err, &proxy) && proxy.Op == "proxyconnect":
		return temporary("the proxy on the way to %s cannot be reached: %s", host, Printable(proxy.Err.Error()))
	case errors.As(err, &unknownCA):
		return &TemporaryError{Err: &UntrustedError{Host: host}}
	case errors.As(err, &wrongHost):
		return temporary("the certificate that %s shows is for another host", host)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return temporary("the certificate that %s shows has expired, or is not valid yet", host)
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return temporary("%s does not speak TLS", host)
	case errors.As(err, &dns) && dns.IsNotFound:
		return temporary("there is no host named %s", dns.Name)
	case errors.Is(err, errTooSlow), errors.As(err, &timeout) && timeout.Timeout():
		return temporary("%s did not answer in time", host)
	case errors.Is(err, errTooBig):
		return temporary("the answer of %s is larger than 1 MiB", host)
	}
	broken := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
	return &TemporaryError{Err: fmt.Errorf("%s cannot be reached: %s", host, Printable(err.Error())), cut: broken}
}

// errProxyUser is a proxy that does not know us (RFC 9110 §15.5.8).
func errProxyUser(host string) error {
	return temporary("the proxy on the way to %s wants a user and a password (407): write them into its URL, http://user:password@proxy:port", host)
}

// UntrustedError is a server whose certificate no known authority has signed.
type UntrustedError struct {
	Host string
}

func (e *UntrustedError) Error() string {
	return "the certificate that " + e.Host + " shows is not signed by an authority that this machine trusts"
}

// Printable makes somebody else's text fit for a line on a terminal or a page:
// no control, format or bidirectional characters, at most 500 of the others.
func Printable(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		switch {
		case n == 500:
			return b.String() + "…"
		case unicode.IsSpace(r):
			r = ' '
		case !unicode.IsPrint(r):
			continue
		}
		b.WriteRune(r)
		n++
	}
	return strings.TrimSpace(b.String())
}
