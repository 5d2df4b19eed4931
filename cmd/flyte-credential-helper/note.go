package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// note is what one parent process was given for one cluster. client-go tells a
// plugin nothing of a 401: it just runs it once more, and keeps the token until
// then, or until its expiry. So who asks again for a token that should do was
// refused. The note lies in the runtime directory, or where a machine has none in
// the temporary one, holds no secret, and may be lost: then the answer is the same
// as before.
type note struct {
	path   string // empty: nobody to remember
	parent string
	token  string // a hash of what it was given
	until  time.Time
	now    func() time.Time
}

// noteSlots bounds how many notes there are of a login and a cluster: parents
// come and go, and nobody tidies up.
const noteSlots = 64

// noteFor reads what our parent was given of the login id for the cluster before.
func (c *call) noteFor(r *execcred.KubernetesRequest, id string) *note {
	n := &note{now: c.now}
	if c.getenv(execInfo) == "" {
		return n // a person, or a shell's loop
	}
	if n.parent = c.parent(); n.parent == "" {
		return n
	}
	dir := filepath.Join(c.runtimeDir, program)
	if !ownDir(dir) {
		dir = filepath.Join(c.tempDir, program+"-"+strconv.Itoa(os.Geteuid()))
		if !ownDir(dir) {
			return n
		}
	}
	which := sha256.Sum256([]byte(strings.Join([]string{id, c.tokenKind, r.Server, string(r.Config)}, "\n")))
	slot := sha256.Sum256([]byte(n.parent))
	n.path = filepath.Join(dir, hex.EncodeToString(which[:8])+"."+strconv.Itoa(int(slot[0]%noteSlots)))
	n.read()
	return n
}

// ownDir reports whether dir is a directory that only we write to, and makes it
// where it can.
func ownDir(dir string) bool {
	if !filepath.IsAbs(dir) {
		return false
	}
	_ = os.Mkdir(dir, 0o700)
	info, err := os.Lstat(dir)
	return err == nil && info.IsDir() && private(info)
}

func (n *note) read() {
	f, err := openNote(n.path, os.O_RDONLY)
	if err != nil {
		return
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	words := strings.Fields(string(text))
	if err != nil || len(words) != 3 || words[0] != n.parent {
		return
	}
	if until, err := strconv.ParseInt(words[2], 10, 64); err == nil {
		n.token, n.until = words[1], time.Unix(until, 0)
	}
}

// refused reports whether the parent was given c, and told that it would do for
// longer.
func (n *note) refused(c oauth.Credential) bool {
	return n.token == fingerprint(c) && n.now().Before(n.until)
}

// remember notes that the parent is given c, to ask again at expiry; zero: when
// it is refused.
func (n *note) remember(c oauth.Credential, expiry time.Time) {
	if n.path == "" || n.token == fingerprint(c) {
		return
	}
	if expiry.IsZero() {
		expiry = n.now().Add(100 * 365 * 24 * time.Hour)
	}
	f, err := openNote(n.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.WriteString(n.parent + " " + fingerprint(c) + " " + strconv.FormatInt(expiry.Unix(), 10) + "\n")
}

func fingerprint(c oauth.Credential) string {
	sum := sha256.Sum256([]byte(c.Value.Reveal()))
	return hex.EncodeToString(sum[:4])
}
