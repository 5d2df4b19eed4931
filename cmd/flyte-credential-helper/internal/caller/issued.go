package caller

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// issuedRecord is the token that one parent process got last. Callers that keep tokens do not
// report that a server rejected one: they only run the plugin again. So if a parent requests
// a token again while it is valid, a server has rejected it. The record is a file in the
// runtime directory or, if the machine has none, in the temporary directory. It contains no
// secret. If it is lost, the parent gets the same token again.
type issuedRecord struct {
	path   string // empty: nothing is recorded
	parent string
	token  string // a hash of the token
	until  time.Time
	now    func() time.Time
}

// issuedSlots limits the number of record files for each purpose, because nothing deletes
// them when their parents end.
const issuedSlots = 64

// readIssued reads the record of this process's parent. purpose identifies the token: the
// login, the kind of token, the caller and the server.
func readIssued(env system.Env, purpose ...string) *issuedRecord {
	r := &issuedRecord{now: env.Now}
	if r.parent = env.ParentID(); r.parent == "" {
		return r
	}
	dir := filepath.Join(env.RuntimeDir, config.Program)
	if !ownDir(dir) {
		dir = filepath.Join(env.TempDir, config.Program+"-"+strconv.Itoa(os.Geteuid()))
		if !ownDir(dir) {
			return r
		}
	}
	which := sha256.Sum256([]byte(strings.Join(purpose, "\n")))
	slot := sha256.Sum256([]byte(r.parent))
	r.path = filepath.Join(dir, hex.EncodeToString(which[:8])+"."+strconv.Itoa(int(slot[0]%issuedSlots)))
	r.read()
	return r
}

// ownDir reports whether dir is a directory that only this user can write to. It creates dir
// if it does not exist.
func ownDir(dir string) bool {
	if !filepath.IsAbs(dir) || system.CheckRoot(dir) != nil {
		return false
	}
	_ = os.Mkdir(dir, 0o700)
	info, err := os.Lstat(dir)
	return err == nil && info.IsDir() && system.IsPrivate(info)
}

func (r *issuedRecord) read() {
	f, err := system.OpenPrivate(r.path, os.O_RDONLY)
	if err != nil {
		return
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	words := strings.Fields(string(text))
	if err != nil || len(words) != 3 || words[0] != r.parent {
		return
	}
	if until, err := strconv.ParseInt(words[2], 10, 64); err == nil {
		r.token, r.until = words[1], time.Unix(until, 0)
	}
}

// Rejected reports whether the parent has got c already and requests it again before it
// expires.
func (r *issuedRecord) Rejected(c oauth.Credential) bool {
	return r.token == fingerprint(c) && r.now().Before(r.until)
}

// Save records that the parent gets c, which is valid until expiry. If expiry is zero, c is
// valid until a server rejects it.
func (r *issuedRecord) Save(c oauth.Credential, expiry time.Time) {
	if r.path == "" || r.token == fingerprint(c) {
		return
	}
	if expiry.IsZero() {
		expiry = r.now().Add(100 * 365 * 24 * time.Hour)
	}
	f, err := system.OpenPrivate(r.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.WriteString(r.parent + " " + fingerprint(c) + " " + strconv.FormatInt(expiry.Unix(), 10) + "\n")
}

func fingerprint(c oauth.Credential) string {
	sum := sha256.Sum256([]byte(c.Value.Reveal()))
	return hex.EncodeToString(sum[:4])
}
