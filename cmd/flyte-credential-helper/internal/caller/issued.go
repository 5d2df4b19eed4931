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

// issuedRecord is the token that one parent process was given last. Callers that keep
// tokens tell a plugin nothing of a server's rejection: they run it again. So a parent that
// asks again for a token that is still valid had it rejected. The record is a file in the
// runtime directory or, if the machine has none, in the temporary directory. It contains no
// secret and may be lost: then the same token is the answer.
type issuedRecord struct {
	path   string // empty: nothing is recorded
	parent string
	token  string // a hash of the token
	until  time.Time
	now    func() time.Time
}

// issuedSlots bounds the number of records for each purpose: parents come and go, and the
// records stay.
const issuedSlots = 64

// readIssued reads the record of this process's parent for a purpose: a login, a kind of
// token, a caller, and what else keeps tokens apart.
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

// ownDir reports whether dir is a directory that only we write to. It makes it if it can.
func ownDir(dir string) bool {
	if !filepath.IsAbs(dir) {
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

// Rejected reports whether the parent was given c and asks again before it expires.
func (r *issuedRecord) Rejected(c oauth.Credential) bool {
	return r.token == fingerprint(c) && r.now().Before(r.until)
}

// Save records that the parent is given c, which is valid until expiry; zero: until it is
// rejected.
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
