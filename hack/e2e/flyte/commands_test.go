//go:build unix

package flyte

import (
	"fmt"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/flyteadmin"
	"github.com/flyteorg/flyte-credential-helper/hack/e2e/flyteadmin/authserver"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

// adminCommand is for the control plane:
//
//	admin start WORD...     replace it, with other ports: tls, plaintext, two, web, web-tls;
//	                        or another version: flyte2; or with
//	                        the redirect URIs of a real flyteadmin: own-ports
//	admin set WORD...       change settings, see set; "plain" sets the defaults
//	admin rotate-key        sign with another key
//	admin count KIND N      fail unless it received N requests of KIND
//	admin forget-counts     count from zero
//	admin close             stop it
func adminCommand(ts *testscript.TestScript, _ bool, args []string) {
	b := theBed(ts)
	switch args[0] {
	case "count":
		testenv.Want(ts, "requests of kind "+args[1], b.admin.Count(args[1]), args[2])
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
		ts.Fatalf("unknown command: admin %s", args[0])
	}
}

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
			return fmt.Errorf("unknown word: %s", word)
		}
	}
	return b.start(c)
}

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
				failed = fmt.Errorf("unknown setting: %s", name)
			}
		}
	})
	return failed
}
