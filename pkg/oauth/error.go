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
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"syscall"
	"time"
)

// Class is the kind of failure of an [Error]. Exit status, hint and back-off
// depend on it.
type Class string

// The classes of failure.
const (
	// ClassTemporary is a failure of the network or of a server in trouble. The
	// same call may succeed later.
	ClassTemporary Class = "temporary"
	// ClassUntrusted is a temporary failure: the server's certificate is not signed
	// by an authority that this machine trusts.
	ClassUntrusted Class = "untrusted"
	// ClassUnanswered is a login that the user did not complete in time.
	ClassUnanswered Class = "unanswered"
	// ClassRefused is an answer by which the server or the user refused the request.
	ClassRefused Class = "refused"
	// ClassInvalid is an answer that must not be accepted, such as an ID token with a
	// wrong signature.
	ClassInvalid Class = "invalid"
	// ClassConfig is a setting that cannot work at this server.
	ClassConfig Class = "config"
	// ClassLocal is a failure of this process alone, such as too many open files.
	// It says nothing about other processes.
	ClassLocal Class = "local"
)

// SavedLogin is the state of the saved login after a failed refresh.
type SavedLogin string

// The states of a saved login after a failure.
const (
	// LoginUsable means that the refresh token may be sent again.
	LoginUsable SavedLogin = ""
	// LoginRefused means that the server refused the refresh for a reason that need
	// not last. The refresh token is kept until a login succeeds.
	LoginRefused SavedLogin = "refused"
	// LoginDead means that the server will never accept the refresh token again.
	LoginDead SavedLogin = "dead"
)

// Error is the outcome of a request or login that yielded no token. It is made at
// the place of the failure and marshals to JSON, so that other processes and later
// calls decide from the same value. Its texts are fit for a terminal and contain
// nothing that the client sent.
type Error struct {
	Class   Class  `json:"class"`
	Problem string `json:"problem,omitempty"` // one sentence that stands alone; empty: made of Host, Code, Description and URI
	Host    string `json:"host,omitempty"`    // of the server that answered, or should have
	Setting string `json:"setting,omitempty"` // the flag that may cure it, without dashes, such as "redirect-uri"; empty: not known

	// RFC 6749 §4.1.2.1 and §5.2. Empty unless a server answered with an error.
	Code        string `json:"code,omitempty"` // such as "invalid_grant"
	Description string `json:"description,omitempty"`
	URI         string `json:"uri,omitempty"`

	Saved SavedLogin `json:"saved,omitempty"` // what it means for the login that was to be refreshed
	Shown bool       `json:"shown,omitempty"` // a browser was opened or a code was shown before
	// RetryAfter is for how long the server wants not to be asked again. Zero: it did
	// not say.
	RetryAfter time.Duration `json:"retry_after,omitempty"`

	Err error `json:"-"` // the cause, if it has a type of its own; may be nil

	cut    bool // the answer broke off: it is not known what became of the request
	status int  // of the server's answer; 0: not known
}

func (e *Error) Error() string {
	if e.Problem != "" {
		return e.Problem
	}
	s := e.Host + " answered " + e.Code
	if e.Description != "" {
		s += ": " + e.Description
	}
	if e.URI != "" {
		s += " (see " + e.URI + ")"
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// AsError returns the first [Error] in err's chain, or nil.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// IsComplete reports whether e has one of the classes above and a reason. An Error that was
// read from a damaged file may have neither.
func (e *Error) IsComplete() bool {
	classes := []Class{ClassTemporary, ClassUntrusted, ClassUnanswered, ClassRefused, ClassInvalid, ClassConfig, ClassLocal}
	return slices.Contains(classes, e.Class) && (e.Problem != "" || e.Code != "")
}

// ClassOf returns the class of the first [Error] in err's chain, or "".
func ClassOf(err error) Class {
	if e := AsError(err); e != nil {
		return e.Class
	}
	return ""
}

// IsTemporary reports whether the same call may succeed later without any change
// by the user or an administrator.
func IsTemporary(err error) bool {
	switch ClassOf(err) {
	case ClassTemporary, ClassUntrusted, ClassUnanswered, ClassLocal:
		return true
	}
	return false
}

// ErrCanceled is in the chain of a context's cause if the user canceled the call,
// for example with Ctrl-C. Such a call starts no back-off.
var ErrCanceled = errors.New("canceled by the user")

// Temporary returns an [Error] of [ClassTemporary].
func Temporary(format string, args ...any) *Error {
	return &Error{Class: ClassTemporary, Problem: fmt.Sprintf(format, args...)}
}

// ConfigError returns an [Error] of [ClassConfig] about the setting, a flag's name
// without dashes.
func ConfigError(setting, format string, args ...any) *Error {
	return &Error{Class: ClassConfig, Setting: setting, Problem: fmt.Sprintf(format, args...)}
}

// invalid returns an [Error] of [ClassInvalid].
func invalid(format string, args ...any) *Error {
	return &Error{Class: ClassInvalid, Problem: fmt.Sprintf(format, args...)}
}

// shown returns err as an [Error] of a login for which a browser was opened or a
// code was shown. A canceled login is returned as it is.
func shown(err error) error {
	if err == nil || errors.Is(err, ErrCanceled) {
		return err
	}
	e := AsError(err)
	switch {
	case e == nil && errors.Is(err, context.DeadlineExceeded):
		return &Error{Class: ClassTemporary, Problem: err.Error(), Shown: true, Err: err}
	case e == nil:
		return &Error{Class: ClassInvalid, Problem: Printable(err.Error()), Shown: true, Err: err}
	}
	copied := *e
	copied.Shown = true
	return &copied
}

// refusal returns the error that the parameters of an authorization response (RFC
// 6749 §4.1.2.1) name. Two of its codes mean a server in trouble.
func refusal(host, code, description, uri string) *Error {
	e := &Error{Class: ClassRefused, Host: host, Code: code, Description: description, URI: uri}
	if laterCode(code) {
		e.Class = ClassTemporary
	}
	return e
}

// Unreachable returns the [Error] of a request to host that got no answer. It never
// shows the URL's query, which may contain secrets, nor anything that host sent.
func Unreachable(ctx context.Context, host string, err error) error {
	if ctx.Err() != nil && context.Cause(ctx) != errTooSlow {
		return context.Cause(ctx)
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	var (
		made      *Error
		unknownCA x509.UnknownAuthorityError
		wrongHost x509.HostnameError
		bad       x509.CertificateInvalidError
		record    tls.RecordHeaderError
		dns       *net.DNSError
		timeout   net.Error
		proxy     *net.OpError
	)
	e := Temporary("")
	e.Host = host
	switch {
	case errors.As(err, &made):
		return made
	case exhausted(err):
		e.Class, e.Problem = ClassLocal, "this process cannot connect to "+host+": "+unquoted(err)
	case errors.As(err, &proxy) && proxy.Op == "proxyconnect":
		e.Problem = "the proxy for " + host + " cannot be reached: " + unquoted(proxy.Err)
	case errors.As(err, &unknownCA):
		e.Class = ClassUntrusted
		e.Problem = "the certificate that " + host + " shows is not signed by an authority that this machine trusts"
	case errors.As(err, &wrongHost):
		e.Problem = "the certificate that " + host + " shows is for another host"
	case errors.As(err, &bad) && bad.Reason == x509.Expired:
		e.Problem = "the certificate that " + host + " shows has expired, or is not valid yet"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		e.Problem = host + " does not speak TLS"
	case errors.As(err, &dns) && dns.IsNotFound:
		e.Problem = "there is no host named " + Printable(dns.Name)
	case errors.Is(err, errTooSlow), errors.As(err, &timeout) && timeout.Timeout():
		e.Problem = host + " did not answer in time"
	case errors.Is(err, errTooBig):
		e.Problem = "the answer of " + host + " is larger than 1 MiB"
	case errors.As(err, new(textproto.ProtocolError)):
		e.Problem = "the answer of " + host + " is not HTTP that can be read"
	default:
		e.cut = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
		e.Problem = host + " cannot be reached: " + unquoted(err)
	}
	return e
}

// unquoted is the text of an error of net or net/http without the parts that it quotes:
// what a server sent, or a proxy's URL with a password.
func unquoted(err error) string {
	return Printable(regexp.MustCompile(`"(?:[^"\\]|\\.)*"`).ReplaceAllString(err.Error(), "…"))
}

// exhausted reports whether this process has run out of descriptors, threads or memory.
func exhausted(err error) bool {
	for _, limit := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		if errors.Is(err, limit) {
			return true
		}
	}
	return false
}

// proxyAnswer returns the [Error] of a proxy that did not open a tunnel (RFC 9110
// §9.3.6), or nil if it did.
func proxyAnswer(_ context.Context, proxy *url.URL, request *http.Request, resp *http.Response) error {
	switch {
	case resp.StatusCode/100 == 2:
		return nil
	case resp.StatusCode == http.StatusProxyAuthRequired:
		return errProxyUser("the proxy "+proxy.Host, proxy.Host)
	}
	e := Temporary("the proxy %s answered %s when asked to connect to %s", proxy.Host, status(resp), request.Host)
	e.Host = proxy.Host
	return e
}

// errProxyUser is the error of a proxy that requires authentication (RFC 9110 §15.5.8).
// host is the proxy's, or "PROXY:PORT" if it is not known.
func errProxyUser(proxy, host string) *Error {
	e := Temporary("%s wants a user and a password (407): write them into its URL, http://user:password@proxy:port", proxy)
	e.Host, e.Setting = host, "http-proxy"
	return e
}
