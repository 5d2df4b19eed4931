package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
)

// checkStateDir judges the directory of the logins: its owner, its mode, its file system, and
// whether files can be written and locked there.
func checkStateDir(ctx context.Context, s Subject) []Finding {
	dir := login.StateDir(s.Env)
	path := string(dir)
	info, err := os.Lstat(path)
	f, owner, ours := ok("none"), "", true
	if path != "" {
		f = ok("%s: does not exist yet", path)
	}
	if err == nil {
		owner, ours = system.Owner(info)
		f = ok("%s: owner %s, mode %04o, file system %s", path, owner, info.Mode().Perm(), cmp.Or(system.FileSystem(path), "not known"))
	}
	switch foreign := foreignFile(path); {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return []Finding{f.failure(err.Error(), config.Inspect("ls", "-ld", path))}
	case !ours:
		return []Finding{f.failure("it belongs to "+owner+": no login can be read or kept there", ownershipFix(path))}
	case foreign != "":
		return []Finding{f.failure(foreign+" in it belongs to another user, perhaps because the program ran under sudo", ownershipFix(path))}
	}
	if err := dir.Inspect(ctx); err != nil {
		fix := s.Hint(err)
		if info != nil && info.IsDir() && info.Mode().Perm()&0o700 != 0o700 {
			fix = config.Command("chmod", "700", path)
		}
		return []Finding{f.failure(err.Error(), fix)}
	}
	if system.KeepsModes(path) {
		return []Finding{f}
	}
	fix := config.Shell("export XDG_STATE_HOME=%s", shellquote.Join(filepath.Join(s.Env.Home, ".local", "state")))
	return []Finding{f, ok("not checked").at("state owner").warning("the file system of "+path+" keeps no owners: other users may read the logins", fix)}
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
	return config.Shell(`sudo chown -R "$(id -u)" %s`, shellquote.Join(dir))
}

// checkStore judges the place of the key that logins are sealed with.
func checkStore(ctx context.Context, a account) []Finding {
	kind := cache.StoreKind(a.settings.Store)
	if a.err == nil {
		kind = a.store.CurrentKind()
	}
	switch kind {
	case cache.StoreNone:
		return []Finding{ok("none: each call logs in")}
	case cache.StoreFile:
		return []Finding{ok("file: tokens are not encrypted")}
	case cache.StoreKernel:
		f := ok("the kernel's keyring, which a reboot clears")
		if !cache.HasKernelKeyring() {
			f = f.failure("the kernel's keyring cannot be used here", config.Shell("export %s=file", config.Variable("store")))
		}
		return []Finding{f}
	}
	return []Finding{checkKeyring(ctx, a, kind)}
}

// checkKeyring judges the OS keyring. The kernel may have a copy of the key.
func checkKeyring(ctx context.Context, a account, kind cache.StoreKind) Finding {
	err := login.Keyring(a.settings, a.policy, a.env).Inspect(ctx)
	var store *cache.StoreError
	switch {
	case err == nil && a.inKernel:
		return ok("the OS keyring, which answers; the kernel's keyring has a copy of the key")
	case err == nil:
		return ok("the OS keyring, which answers")
	case kind == cache.StoreAuto && errors.As(err, &store) && store.IsAbsent() && cache.HasKernelKeyring():
		return ok("the kernel's keyring, because there is no OS keyring")
	case a.inKernel:
		return ok("the kernel's keyring has a copy of the key for an hour at most").warning(err.Error(), a.hint(err))
	}
	return ok("the OS keyring").failure(err.Error(), a.hint(err))
}

// checkTerminal tells how a user could log in here.
func checkTerminal(a account) []Finding {
	r, opens := a.settings, login.OpensBrowser(a.settings, a.env)
	words, err := login.BrowserWords(r, a.env)
	source, browser, fix := "BROWSER", "the system's browser", config.Command("unset", "BROWSER")
	if len(r.Browser) > 0 {
		source, fix = "--browser", orElse(r.Repair("browser"), config.Text("change --browser"))
	}
	switch {
	case !opens:
		browser = "no browser"
	case len(words) > 0:
		browser = fmt.Sprintf("the browser %s (%s)", words[0], source)
	}
	state := cmp.Or(unless(!a.env.Terminal.Usable(), "there is a terminal"), "there is no terminal") + "; a login opens " + browser
	if why := login.WhyNoLogin(r, a.env); why != "" {
		state += "; callers start no login here: " + why
	}
	f := ok("%s", state)
	switch {
	case opens && err != nil:
		f = f.warning(err.Error(), fix)
	case opens && len(words) > 0 && !isRunnable(words[0]):
		f = f.warning("the browser's command "+words[0]+" cannot be run", fix)
	}
	return []Finding{f}
}

// isRunnable reports whether a program can be run.
func isRunnable(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}
