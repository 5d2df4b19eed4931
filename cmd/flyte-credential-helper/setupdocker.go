package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// dockerTool is docker's part: an entry of credHelpers for each host, and the link by
// which docker and its kin find us.
type dockerTool struct {
	c     *call
	link  *link
	path  string // of config.json
	text  []byte // changed; nil: it is as it is to be
	hosts []string
}

func (t *dockerTool) look(_ context.Context, h *hostSetup) (files []string, err error) {
	if t.link, err = t.c.lookLink("docker-credential-flyte"); err != nil {
		return nil, err
	}
	t.path = filepath.Join(t.c.home, ".docker", "config.json")
	if dir := t.c.getenv("DOCKER_CONFIG"); dir != "" {
		t.path = filepath.Join(dir, "config.json")
	}
	text, err := readOr(t.path)
	if err != nil {
		return nil, err
	}
	for _, p := range h.hosts {
		if _, exact := p.Host(); !exact {
			return nil, usage("", "docker knows no stars: name each registry, and not %s", p)
		}
		t.hosts = append(t.hosts, withoutScheme(p.String()))
	}
	changed, err := dockerConfig{t.path, text}.with(t.hosts, "flyte")
	if err == nil && !bytes.Equal(changed, text) {
		t.text = changed
	}
	return []string{t.path, t.link.path}, err
}

func (t *dockerTool) words() string {
	text := t.link.words()
	if t.text != nil {
		text += fmt.Sprintf("%s, under credHelpers: the helper flyte for %s\n", t.path, strings.Join(t.hosts, ", "))
	}
	return text
}

func (t *dockerTool) change(context.Context) error {
	if err := t.link.make(); err != nil || t.text == nil {
		return err
	}
	return writeFile(t.path, t.text)
}

// proof asks as docker does.
func (t *dockerTool) proof(ctx context.Context) (text string) {
	for _, host := range t.hosts {
		cmd := exec.CommandContext(ctx, t.link.path, "get")
		cmd.Env, cmd.Stdin = t.c.environ(), strings.NewReader(host)
		if out, err := cmd.Output(); err != nil {
			text += "docker does not get the token for " + host + ": " + strings.TrimSpace(string(out)) + "\n"
			continue
		}
		text += "docker gets the token for " + host + ".\n"
	}
	return text + t.link.remark()
}
