package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
)

// checkStateDir judges the directory of the logins: its owner, its mode, its file system, and
// whether files can be written and locked there.
func checkStateDir(ctx context.Context, e *examination) (all []Finding) {
	dir := login.StateDir(e.Env)
	f := ok("state directory", "%s: does not exist yet", dir)
	info, err := os.Lstat(string(dir))
	if err == nil {
		owner, ours := system.Owner(info)
		f = ok("state directory", "%s: owner %s, mode %04o%s", dir, owner, info.Mode().Perm(), fileSystem(string(dir)))
		if !ours {
			return []Finding{f.failure("it belongs to "+owner+": no login can be read or kept there", ownershipFix(string(dir)))}
		}
		if foreign := foreignFile(string(dir)); foreign != "" {
			return []Finding{f.failure(foreign+" in it belongs to another user, perhaps because the program ran under sudo", ownershipFix(string(dir)))}
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return []Finding{f.failure(err.Error(), config.Command("ls", "-ld", string(dir)))}
	}
	if err := dir.Inspect(ctx); err != nil {
		return []Finding{f.failure(err.Error(), e.Hint(err))}
	}
	all = append(all, f)
	if info != nil && !system.KeepsModes(string(dir)) {
		all = append(all, ok("state owner", "not checked").warning("the file system of "+string(dir)+" keeps no owners: other users may read the logins", config.Shell("export XDG_STATE_HOME=%s", quote(filepath.Join(e.Env.Home, ".local", "state")))))
	}
	return all
}

func fileSystem(path string) string {
	if kind := system.FileSystem(path); kind != "" {
		return ", file system " + kind
	}
	return ""
}

// foreignFile returns the name of a file in dir that another user owns, or "".
func foreignFile(dir string) string {
	entries, _ := os.ReadDir(dir) // Inspect reports the error
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil {
			if _, ours := system.Owner(info); !ours {
				return entry.Name()
			}
		}
	}
	return ""
}

// ownershipFix makes the directory the user's own. Root does not change a user's directory.
func ownershipFix(dir string) config.Hint {
	if system.IsRoot() {
		return config.Shell("export XDG_STATE_HOME=~root/.local/state")
	}
	return config.Shell(`sudo chown -R "$(id -u)" %s`, quote(dir))
}

// checkStore judges the place of the key that logins are sealed with.
func checkStore(ctx context.Context, e *examination) []Finding {
	r, err := e.settings()
	if err != nil {
		return []Finding{skipped("store", "the settings cannot be used")}
	}
	kind, inKernel := cache.StoreKind(r.Store), false
	if session, err := e.session(); err == nil {
		kind, inKernel = session.Place(), e.saved().inKernel
	}
	switch kind {
	case cache.StoreNone:
		return []Finding{ok("store", "none: each call logs in")}
	case cache.StoreFile:
		return []Finding{ok("store", "file: tokens are not encrypted")}
	case cache.StoreKernel:
		f := ok("store", "the kernel's keyring, which a reboot clears")
		if !cache.HasKernelKeyring() {
			f = f.failure("the kernel's keyring cannot be used here", config.Shell("export %s=file", config.Variable("store")))
		}
		return []Finding{f}
	}
	return []Finding{e.keyring(ctx, r, kind, inKernel)}
}

// keyring judges the OS keyring. The kernel may have a copy of the key.
func (e *examination) keyring(ctx context.Context, r *config.Resolved, kind cache.StoreKind, inKernel bool) Finding {
	err := login.Keyring(r, e.policy, e.Env).Inspect(ctx)
	var store *cache.StoreError
	f := ok("store", "the OS keyring, which answers")
	switch {
	case err == nil && inKernel:
		return ok("store", "the OS keyring, which answers; the kernel's keyring has a copy of the key")
	case err == nil:
		return f
	case kind == cache.StoreAuto && errors.As(err, &store) && store.IsAbsent() && cache.HasKernelKeyring():
		return ok("store", "the kernel's keyring, because there is no OS keyring")
	case inKernel:
		return ok("store", "the kernel's keyring has a copy of the key for an hour at most").warning(err.Error(), e.Hint(err))
	}
	return ok("store", "the OS keyring").failure(err.Error(), e.Hint(err))
}

// checkTerminal tells how a user could log in here.
func checkTerminal(_ context.Context, e *examination) []Finding {
	r, err := e.settings()
	if err != nil {
		return []Finding{skipped("terminal", "the settings cannot be used")}
	}
	state := "there is a terminal"
	if !e.Env.Terminal.Usable() {
		state = "there is no terminal"
	}
	words, source := e.browserCommand(r)
	switch {
	case !login.OpensBrowser(r, e.Env):
		state += "; a login opens no browser"
	case len(words) > 0:
		state += fmt.Sprintf("; a login opens the browser %s (%s)", words[0], source)
	default:
		state += "; a login opens the system's browser"
	}
	if why := login.WhyNoLogin(r, e.Env); why != "" {
		state += "; callers start no login here: " + why
	}
	f := ok("terminal", "%s", state)
	if len(words) > 0 && login.OpensBrowser(r, e.Env) {
		if _, err := exec.LookPath(words[0]); err != nil {
			f = f.warning("the browser's command "+words[0]+" cannot be run", config.Text("change %s", source))
		}
	}
	return []Finding{f}
}

// browserCommand returns the words of the command that opens a browser, and where it is set.
// There are none for the system's browser.
func (e *examination) browserCommand(r *config.Resolved) (words []string, source string) {
	if len(r.Browser) > 0 {
		return r.Browser, "--browser"
	}
	words, err := shellquote.Split(e.Env.Getenv("BROWSER"))
	if err != nil {
		words = strings.Fields(e.Env.Getenv("BROWSER"))
	}
	return words, "BROWSER"
}
