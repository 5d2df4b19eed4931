package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
)

// docker answers docker and its kin, which look for what is wrong on stdout.
func docker(ctx context.Context, d *desk) int {
	operation, known := map[string]func(context.Context) ([]byte, error){
		"get": d.dockerGet, "store": d.dockerStore, "erase": d.dockerErase, "list": d.dockerList,
		"version": func(context.Context) ([]byte, error) {
			return execcred.EncodeDockerVersion(modulePath(), version()), nil
		},
	}[d.word(0)]
	if !known {
		return failed(d.world, usage("docker-credential-flyte get", "docker's operations are get, store, erase, list and version, not %q", d.word(0)), "")
	}
	document, err := operation(ctx)
	if err != nil {
		return d.dockerFailed(err)
	}
	return d.write(document)
}

// dockerError is an error of a call that a host's profile has made.
type dockerError struct {
	error
	login string // the command that logs in
}

func (e *dockerError) Unwrap() error { return e.error }

// dockerFailed says what is wrong where docker's clients look for it: some of it in
// sentences that they know.
func (d *desk) dockerFailed(err error) int {
	for _, sentence := range []error{execcred.ErrDockerNotFound, execcred.ErrDockerNoServer, execcred.ErrDockerNoUsername} {
		if errors.Is(err, sentence) {
			d.write([]byte(sentence.Error() + "\n"))
			return exitFailed
		}
	}
	login := ""
	if e := (*dockerError)(nil); errors.As(err, &e) {
		login = e.login
	}
	code, hint := outcome(err, login)
	line := sentence(err)
	switch {
	case strings.HasPrefix(hint, "see "):
		line += ": " + hint
	case hint != "":
		line += fmt.Sprintf(": run %q", hint)
	}
	if code <= 128 {
		d.write([]byte(printable(line + "\n")))
	}
	return failed(d.world, err, login)
}

// dockerCall reads a request, and makes the call of the profile that serves its host;
// nil where none does.
func (d *desk) dockerCall(decode func([]byte) (*execcred.DockerRequest, error)) (r *execcred.DockerRequest, c *call, how served, err error) {
	text, err := d.request()
	if err == nil {
		r, err = decode(text)
	}
	if err == nil {
		c, how, _, err = d.open(r.Host, "", neverLogsIn("docker"))
	}
	return r, c, how, err
}

func (d *desk) dockerGet(ctx context.Context) ([]byte, error) {
	r, c, how, err := d.dockerCall(execcred.DecodeDocker)
	if err == nil && c == nil {
		err = execcred.ErrDockerNotFound
	}
	if err != nil {
		return nil, err
	}
	defer c.close()
	credential, err := c.hand(ctx)
	if err != nil {
		return nil, &dockerError{err, c.loginCommand()}
	}
	return r.Encode(credential, how.dockerUsername())
}

// dockerStore keeps nothing: whoever logs in by docker login gets our token all the
// same where the host is served.
func (d *desk) dockerStore(context.Context) ([]byte, error) {
	r, c, _, err := d.dockerCall(execcred.DecodeDockerStore)
	if err == nil && c == nil {
		err = errors.New("no profile serves this registry, so nothing is kept for it")
	}
	if err != nil {
		return nil, err
	}
	c.close()
	c.note("what docker logs in with is not kept: %s gets the token of profile %s", r.Host, c.profile)
	return nil, nil
}

// dockerErase is what docker logout and a registry's refusal come to.
func (d *desk) dockerErase(ctx context.Context) ([]byte, error) {
	_, c, _, err := d.dockerCall(execcred.DecodeDocker)
	if err != nil || c == nil {
		return nil, err
	}
	defer c.close()
	c.drop(ctx, func(execcred.Credential) bool { return true })
	c.note("the login stays; to end it: %s logout --profile %s", program, c.profile)
	return nil, nil
}

// dockerList lists the hosts that get would have an answer for without asking
// anybody. Nothing is wrong with those it leaves out.
func (d *desk) dockerList(ctx context.Context) ([]byte, error) {
	config, err := readConfig(d.configPath(), d.table)
	if err != nil {
		return execcred.EncodeDockerList(nil)
	}
	usernames := map[execcred.Host]string{}
	for _, profile := range config.names() {
		c, err := d.call(profile, neverLogsIn("docker"))
		if err != nil || !c.holds(ctx) {
			continue
		}
		for _, s := range config.serves[profile] {
			if host, exact := s.pattern.Host(); exact {
				usernames[host] = s.dockerUsername()
			}
		}
	}
	return execcred.EncodeDockerList(usernames)
}

// modulePath is the path of the module that the program was built from.
func modulePath() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Path
	}
	return "unknown"
}
