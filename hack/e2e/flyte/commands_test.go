//go:build unix

package flyte

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/flyteadmin"
	"github.com/flyteorg/flyte-credential-helper/hack/e2e/flyteadmin/authserver"
)

// adminCommand changes the control plane, or asserts how often it was asked: "admin
// count refresh_token 1".
func adminCommand(ts *testscript.TestScript, _ bool, args []string) {
	b := theBed(ts)
	switch args[0] {
	case "count":
		want, err := strconv.Atoi(args[2])
		ts.Check(err)
		if got := b.admin.Count(args[1]); got != want {
			ts.Fatalf("the control plane counts %d of %s, not %d", got, args[1], want)
		}
	case "forget-counts":
		b.admin.ResetCounts()
	case "start":
		ts.Check(b.startAs(args[1:]))
		for _, pair := range b.vars() {
			name, value, _ := strings.Cut(pair, "=")
			ts.Setenv(name, value)
		}
	case "set":
		ts.Check(set(b.admin, args[1:]))
	case "rotate-key":
		ts.Check(b.admin.Auth.RotateKey())
	case "close":
		b.admin.Close()
	default:
		ts.Fatalf("admin %s?", args[0])
	}
}

// startAs starts another control plane: "admin start two flyte2".
func (b *bed) startAs(words []string) error {
	var c flyteadmin.Config
	for _, word := range words {
		switch word {
		case "tls":
		case "plaintext":
			c.Ports = flyteadmin.Plaintext
		case "two":
			c.Ports = flyteadmin.Two
		case "web":
			c.Ports = flyteadmin.Web
		case "web-tls":
			c.Ports = flyteadmin.WebTLS
		case "flyte2":
			c.Flyte2 = true
		case "own-ports":
			c.Redirects = authserver.Redirects()
		default:
			return fmt.Errorf("admin start %s?", word)
		}
	}
	return b.start(c)
}

// set changes settings of the control plane: "admin set no-auth". The word plain
// takes all changes back.
func set(admin *flyteadmin.Server, words []string) error {
	var failed error
	admin.Configure(func(s *flyteadmin.Settings) {
		for _, word := range words {
			name, value, _ := strings.Cut(word, "=")
			d, _ := time.ParseDuration(value)
			switch name {
			case "plain":
				*s = flyteadmin.Settings{}
			case "html", "unavailable":
				s.Trouble = flyteadmin.Trouble(name)
			case "no-auth":
				s.NoAuth = true
			case "external":
				s.External, s.RetryDelay = true, d
			case "header-key":
				s.HeaderKey = value
			case "no-client":
				s.NoClient = true
			case "audience":
				s.Audience = value
			case "proxy":
				s.Proxy = true
			case "access":
				s.Lifetimes.Access = d
			case "refresh":
				s.Lifetimes.Refresh = d
			case "code":
				s.Lifetimes.Code = d
			default:
				failed = fmt.Errorf("admin set %s?", name)
			}
		}
	})
	return failed
}

// holdCommand takes a port of loopback, of both kinds, as another program does, or
// finds that one has: "hold 53593".
func holdCommand(ts *testscript.TestScript, _ bool, args []string) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, args[0]))
		switch {
		case err == nil:
			ts.Defer(func() { _ = l.Close() })
		case errors.Is(err, syscall.EADDRINUSE), host == "::1" && errors.Is(err, syscall.EADDRNOTAVAIL):
		default:
			ts.Check(err)
		}
	}
}
