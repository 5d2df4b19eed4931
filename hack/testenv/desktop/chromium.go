package desktop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Chromium finds a Chromium, or a browser that is built from it, on PATH.
func Chromium() (path string, ok bool) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, true
		}
	}
	return "", false
}

// OpenInChromium opens url in the Chromium at path, without a window and with a new
// profile. Scripts, forms and redirects lead it to other pages. Once it has loaded a page
// whose URL begins with end, OpenInChromium returns the DOM of that page. A page that
// cannot be loaded is an error. ctx limits how long it takes. The browser has ended when
// it returns.
func OpenInChromium(ctx context.Context, path, url, end string) (dom string, err error) {
	profile, err := socketDir(os.TempDir(), "desktop-chromium-", "org.chromium.Chromium.XXXXXX/SingletonSocket")
	if err == nil {
		defer func() { err = errors.Join(err, RemoveAll(profile)) }()
		dom, err = openInChromium(ctx, path, profile, url, end)
	}
	if err != nil {
		return "", fmt.Errorf("open %s in Chromium: %w", url, err)
	}
	return dom, nil
}

func openInChromium(ctx context.Context, path, profile, url, end string) (string, error) {
	tools, ends, err := newDevtools()
	if err != nil {
		return "", err
	}
	defer tools.close()
	cmd := exec.CommandContext(ctx, path, chromiumFlags(profile)...)
	cmd.Env = append(os.Environ(),
		// Its certificates, caches and socket go with the profile, too.
		"HOME="+profile,
		"TMPDIR="+profile,
		"XDG_CONFIG_HOME="+filepath.Join(profile, ".config"),
		"XDG_CACHE_HOME="+filepath.Join(profile, ".cache"),
		// Without this it calls desktop services and waits for them: the bus may belong to
		// a test.
		"DBUS_SESSION_BUS_ADDRESS=disabled:")
	cmd.ExtraFiles = ends // 3 and 4, as --remote-debugging-pipe has it
	p, err := start(cmd)
	for _, end := range ends {
		_ = end.Close() // the browser's from here on
	}
	if err != nil {
		return "", err
	}
	// Its crash handlers leave our group; their reports go into the profile, so
	// they name it. (--disable-crashpad-for-testing crashes Chromium 156 instead.)
	defer finish(p.Process, profile)
	defer context.AfterFunc(ctx, tools.close)()

	dom, err := tools.open(url, end)
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case errors.Is(err, errEnded):
		return "", p.failed(err) // err has its own reason, and stderr is not about it
	case err == nil:
		tools.quit(p.done)
	}
	return dom, errors.Join(err, p.close())
}

// chromiumFlags are flags for a browser that does nothing except what the pages do.
func chromiumFlags(profile string) []string {
	flags := []string{
		"--headless",
		"--remote-debugging-pipe",
		"--user-data-dir=" + profile,
		// The sign-in page is a test's server, whose certificate is its own.
		"--ignore-certificate-errors",
		"--password-store=basic", // not the keyring
		"--disable-gpu",
		"--disable-quic",
		"--no-first-run",
		// Else it calls home: updates, models, lists.
		"--disable-background-networking",
		"--disable-component-update",
		"--disable-sync",
	}
	if os.Geteuid() == 0 {
		flags = append(flags, "--no-sandbox") // it refuses to start as root with one
	}
	return flags
}

// RemoveAll is os.RemoveAll for a directory into which a process that is about to end may
// still write.
func RemoveAll(dir string) (err error) {
	for range 200 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}
