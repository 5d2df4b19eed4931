package testenv

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// ServerCommand is the command server of the package comment, for s.
func ServerCommand(ts *testscript.TestScript, s *oauthtest.Server, args []string) {
	switch args[0] {
	case "count":
		Want(ts, "requests of kind "+args[1], s.Count(args[1]), args[2])
	case "await":
		await(ts, args[1], func() bool { return s.Count(args[1]) >= number(ts, args[2]) })
	case "forget-counts":
		s.ResetCounts()
	case "fail":
		ts.Check(fail(s, args[1], args[2:]))
	case "odd": // server odd KIND NAME[=VALUE]…, the words of SetOdd
		ts.Check(s.SetOdd(args[1], args[2:]...))
	case "heal":
		s.Heal()
	case "revoke-all":
		s.RevokeAll()
	case "rotate-keys":
		s.RotateKeys()
	case "deny":
		s.Deny(true)
	case "accept":
		s.Deny(false)
	case "as":
		s.SignInAs(args[1])
	case "set":
		ts.Check(configure(s, args[1:]))
	case "lacks":
		ts.Check(lacks(s, args[1]))
	case "saw":
		ts.Check(saw(s, args[1], args[2:]))
	case "close":
		s.Close()
	default:
		ts.Fatalf("unknown command: server %s", args[0])
	}
}

func saw(s *oauthtest.Server, kind string, params []string) error {
	requests := s.Requests(kind)
	if len(requests) == 0 {
		return fmt.Errorf("no request of kind %s", kind)
	}
	last := requests[len(requests)-1]
	for _, p := range params {
		name, value, _ := strings.Cut(p, "=")
		got := strings.Join(last.Form[name], " ")
		if header, ok := strings.CutPrefix(name, "header:"); ok {
			got = last.Header.Get(header)
		}
		if got != value && !(value == "*" && got != "") {
			return fmt.Errorf("%s was sent with %s=%q, not %q", kind, name, got, value)
		}
	}
	return nil
}

// lacks returns an error if any request had the text in a parameter or a header.
func lacks(s *oauthtest.Server, text string) error {
	for _, kind := range []string{"discovery", "keys", "authorize", "token", "device", "revoke"} {
		for _, r := range s.Requests(kind) {
			_, password, _ := (&http.Request{Header: r.Header}).BasicAuth()
			if strings.Contains(fmt.Sprint(r.Form, r.Header, password), text) {
				return fmt.Errorf("a request of kind %s has %q: %v %v", kind, text, r.Form, r.Header)
			}
		}
	}
	return nil
}

func configure(s *oauthtest.Server, settings []string) error {
	var failed error
	s.Configure(func(c *oauthtest.Config) {
		for _, setting := range settings {
			name, value, _ := strings.Cut(setting, "=")
			d, _ := time.ParseDuration(value)
			switch name {
			case "access":
				c.AccessLifetime = d
			case "id":
				c.IDLifetime = d
			case "grace":
				c.Grace = d
			case "opaque":
				c.OpaqueAccess = true
			case "groups":
				n, _ := strconv.Atoi(value)
				c.Groups = slices.Repeat([]string{"a-group-with-a-quite-long-name"}, n)
			case "no-rotation":
				c.NoRotation = true
			case "no-offline":
				c.NoOfflineAccess = true
			case "google":
				c.Google = true
			case "submits-itself":
				c.SubmitSignIn = true
			default:
				failed = fmt.Errorf("unknown setting: %s", name)
			}
		}
	})
	return failed
}

func fail(s *oauthtest.Server, kind string, words []string) error {
	var f oauthtest.Fault
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		n, _ := strconv.Atoi(value)
		d, _ := time.ParseDuration(value)
		switch name {
		case "status":
			f.Status = n
		case "times":
			f.Times = n
		case "hang":
			f.Hang = true
		case "delay":
			f.Delay = d
		case "html":
			f.Body, f.ContentType = "<html>welcome to our network</html>", "text/html"
		case "body":
			f.Body, f.ContentType = value, "application/json"
		case "redirect":
			f.Redirect = value
		case "after":
			f.After = true
		case "cut":
			f.Cut = true
		case "retry-after":
			f.Header = http.Header{"Retry-After": {value}}
		default:
			return fmt.Errorf("unknown failure: %s", name)
		}
	}
	s.Fail(kind, f)
	return nil
}
