package execcredtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// answersWith runs the plugin with a request, and checks its answer by judge.
func answersWith(version, more string, judge func(version string, stdout []byte) (string, error)) checkFunc {
	return func(ctx context.Context, p Plugin) (string, error) {
		r, err := p.answer(ctx, request(version, more))
		if err != nil {
			return "", err
		}
		return judge(version, r.stdout)
	}
}

// unknownFields are fields that no plugin knows.
const unknownFields = `"execcredtest":{"a":[null,true,1.5e3,"\u00e4"]},"cluster":{"server":"https://127.0.0.1:1","execcredtest":1},`

func document(_ string, stdout []byte) (string, error) {
	if err := oneDocument(stdout); err != nil {
		return "", fmt.Errorf("not one JSON document: %w (%d bytes)", err, len(stdout))
	}
	return fmt.Sprintf("one JSON document in %d bytes", len(stdout)), nil
}

func strict(version string, stdout []byte) (string, error) {
	_, got, err := Decode(stdout)
	if err == nil && got != version {
		err = fmt.Errorf("asked for %s, it answers in %s", version, got)
	}
	return "client-go's strict decoder takes it as " + got, err
}

func sameVersion(version string, stdout []byte) (string, error) {
	c, got, err := read(stdout)
	switch {
	case err != nil:
		return "", err
	case got != version || c.Status == nil || c.Status.Token == "":
		return "", fmt.Errorf("asked for %s, it answers in %s, token: %t", version, got, c.Status != nil && c.Status.Token != "")
	}
	return "a token, in " + got, nil
}

// answersAll runs the plugin with each request, which asks for v1, and checks its answer.
func answersAll(infos ...string) checkFunc {
	return func(ctx context.Context, p Plugin) (saw string, err error) {
		for _, info := range infos {
			r, err := p.answer(ctx, info)
			if err == nil {
				saw, err = sameVersion(V1, r.stdout)
			}
			if err != nil {
				return "", fmt.Errorf("asked with %.80q: %w", info, err)
			}
		}
		return saw, nil
	}
}

func token(_ string, stdout []byte) (string, error) {
	c, _, err := read(stdout)
	if err != nil {
		return "", err
	}
	if c.Status == nil || c.Status.Token == "" {
		return "", errors.New("no token")
	}
	for i := range len(c.Status.Token) {
		if b := c.Status.Token[i]; b <= ' ' || b > '~' {
			return "", fmt.Errorf("byte %d of the token is %#02x", i, b)
		}
	}
	return fmt.Sprintf("%d bytes of printable ASCII", len(c.Status.Token)), nil
}

func stdin(ctx context.Context, p Plugin) (string, error) {
	r, err := p.answer(ctx, request(V1, ""))
	if err == nil && string(r.stdin) != stdinText {
		err = fmt.Errorf("%d of %d bytes on stdin were read", len(stdinText)-len(r.stdin), len(stdinText))
	}
	return fmt.Sprintf("all %d bytes on stdin are still there", len(stdinText)), err
}

func stdoutClosed(ctx context.Context, p Plugin) (string, error) {
	r, err := p.answer(ctx, request(V1, ""))
	if err == nil && r.stdoutHeld {
		err = fmt.Errorf("a child still holds stdout %s after the plugin's end; client-go would still wait", pipeTimeout)
	}
	return "closed with the plugin's end", err
}

func stderrClosed(ctx context.Context, p Plugin) (string, error) {
	r, err := p.answer(ctx, request(V1, ""))
	if err == nil && r.stderrHeld {
		err = fmt.Errorf("a child still holds stderr %s after the plugin's end", pipeTimeout)
	}
	return "closed with the plugin's end", err
}

func withoutRequest(ctx context.Context, p Plugin) (string, error) {
	r, err := p.run(ctx)
	if err != nil {
		return "", err
	}
	if r.code != 0 {
		return rejection(r)
	}
	c, version, err := read(r.stdout)
	if err == nil && (version != V1 && version != V1Beta1 || c.Status == nil) {
		err = fmt.Errorf("exit code 0, and an answer in %q", version)
	}
	return "it answers in " + version, err
}

// rejects runs the plugin with requests that it cannot answer.
func rejects(infos ...string) checkFunc {
	return func(ctx context.Context, p Plugin) (saw string, err error) {
		for _, info := range infos {
			r, err := p.run(ctx, infoVariable+"="+info)
			if err == nil {
				saw, err = rejection(r)
			}
			if err != nil {
				return "", fmt.Errorf("asked with %.80q: %w", info, err)
			}
		}
		return saw, nil
	}
}

// v1alpha1Request sends the request of client-go before 1.24, which a plugin may still support.
func v1alpha1Request(ctx context.Context, p Plugin) (string, error) {
	const version = group + "v1alpha1"
	r, err := p.run(ctx, infoVariable+"="+request(version, ""))
	if err != nil {
		return "", err
	}
	var answer struct{ APIVersion string }
	if r.code == 0 && json.Unmarshal(r.stdout, &answer) == nil && answer.APIVersion == version {
		return "it answers in " + version, nil
	}
	return rejection(r)
}

// rejection checks that the plugin rejected the request, and describes how.
func rejection(r run) (string, error) {
	if r.code == 0 {
		_, version, err := read(r.stdout)
		if err != nil {
			return "", fmt.Errorf("exit code 0, and client-go says: %w", err)
		}
		return "", fmt.Errorf("exit code 0, and an answer in %s", version)
	}
	switch {
	case len(r.stdout) > 0:
		return "", fmt.Errorf("exit code %d, with %d bytes on stdout", r.code, len(r.stdout))
	case len(bytes.TrimSpace(r.stderr)) == 0:
		return "", fmt.Errorf("exit code %d, and nothing on stderr", r.code)
	}
	return fmt.Sprintf("exit code %d; %s", r.code, quoteStderr(r.stderr)), nil
}
