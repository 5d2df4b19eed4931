package main

import (
	"context"

	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// goauth answers the go command.
func goauth(ctx context.Context, d *desk) int {
	if len(d.words) > 1 {
		return failed(d.world, usage(program+" goauth https://go.example.com", "the go command gives one URL, or none"), "")
	}
	if len(d.words) == 0 {
		return d.write(d.goauthFirst(ctx))
	}
	answer, err := d.request()
	if err != nil {
		return failed(d.world, err, "")
	}
	r, err := execcred.DecodeGoauth(d.word(0), answer)
	if err != nil {
		return failed(d.world, err, "")
	}
	c, how, ok, err := d.open(r.Host, "", neverLogsIn("the go command"))
	if err != nil {
		return failed(d.world, err, "")
	}
	if !ok {
		return exitOK
	}
	defer c.close()
	document, err := c.goauthAnswer(ctx, r, how)
	if err != nil {
		return failed(d.world, err, c.loginCommand())
	}
	return d.write(document)
}

// goauthFirst answers for all hosts that are named in full, before the go command
// has met any. Where there is no token it says nothing: who knows whether it is
// wanted.
func (d *desk) goauthFirst(ctx context.Context) (all []byte) {
	config, err := readConfig(d.configPath(), d.table)
	if err != nil || d.namesServer() {
		return nil
	}
	first := &execcred.GoauthRequest{First: true}
	for _, profile := range config.names() {
		if d.profile != "" && profile != d.profile {
			continue
		}
		var hosts []execcred.Host
		for _, s := range config.serves[profile] {
			if host, exact := s.pattern.Host(); exact && host.Secure() {
				hosts = append(hosts, host)
			}
		}
		if len(hosts) == 0 {
			continue
		}
		c, err := d.call(profile, neverLogsIn("the go command"))
		if err != nil {
			continue
		}
		if credential, err := c.hand(ctx); err == nil {
			document, _ := first.Encode(credential, hosts...)
			all = append(all, document...)
		}
		c.close()
	}
	return all
}

// goauthAnswer gets the token for a server that wanted one. A 401 refuses a token
// only where the first answer had one for that host.
func (c *call) goauthAnswer(ctx context.Context, r *execcred.GoauthRequest, how served) ([]byte, error) {
	source, err := c.hostSource()
	if err != nil {
		return nil, err
	}
	if _, exact := how.pattern.Host(); exact && r.Refused {
		source.Rejected = func(oauth.Credential) bool { return true }
	}
	_, credential, err := c.credential(ctx, source)
	if err != nil {
		return nil, err
	}
	return r.Encode(c.safely(credential))
}
