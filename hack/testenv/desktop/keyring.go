package desktop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
)

// Names of the Secret Service, https://specifications.freedesktop.org/secret-service/latest/.
const (
	secrets     = "org.freedesktop.secrets"
	service     = "org.freedesktop.Secret.Service"
	collection  = "org.freedesktop.Secret.Collection"
	item        = "org.freedesktop.Secret.Item"
	servicePath = dbus.ObjectPath("/org/freedesktop/secrets")
	loginPath   = dbus.ObjectPath("/org/freedesktop/secrets/collection/login")
)

// Keyring is a real gnome-keyring-daemon with one collection, "login", which is the default
// one, as on a desktop after the user has logged in.
type Keyring struct {
	process  *process
	conn     *dbus.Conn
	password string
}

// StartKeyring starts a gnome-keyring-daemon on the bus, whose files are in home, and unlocks
// its login collection. If home is empty, the collection is new; otherwise password must be
// the one that it was made with. The keyring has no display and never shows a window. It ends
// with ctx.
func (b *Bus) StartKeyring(ctx context.Context, home, password string) (*Keyring, error) {
	conn, err := dbus.Connect(b.Address)
	if err != nil {
		return nil, fmt.Errorf("start a keyring: %w", err)
	}
	cmd := exec.CommandContext(ctx, "gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets",
		"--control-directory="+filepath.Join(b.Dir, "keyring"))
	cmd.Env = append(b.Env(),
		"PATH="+os.Getenv("PATH"),
		"HOME="+home,
		"XDG_DATA_HOME="+filepath.Join(home, ".local", "share"),
		"XDG_CONFIG_HOME="+filepath.Join(home, ".config"),
		"XDG_CACHE_HOME="+filepath.Join(home, ".cache"),
		"XDG_RUNTIME_DIR="+b.Dir)
	cmd.Stdin = strings.NewReader(password) // to its end: a newline would be part of it
	p, err := start(cmd)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start a keyring: %w", err), conn.Close())
	}
	k := &Keyring{process: p, conn: conn, password: password}
	if err := p.poll(ctx, k.unlocked); err != nil {
		return nil, errors.Join(p.failed(fmt.Errorf("start a keyring: no unlocked login collection: %w", err)), conn.Close())
	}
	b.keyrings = append(b.keyrings, k)
	return k, nil
}

// unlocked reports whether the login collection exists, is the default, and is open.
func (k *Keyring) unlocked(ctx context.Context) bool {
	var path dbus.ObjectPath
	if err := k.call(ctx, servicePath, service+".ReadAlias", "default").Store(&path); err != nil || path != loginPath {
		return false
	}
	locked, err := k.locked(ctx)
	return err == nil && !locked
}

func (k *Keyring) locked(ctx context.Context) (locked bool, err error) {
	err = k.property(ctx, loginPath, collection, "Locked", &locked)
	return locked, err
}

// Lock locks the login collection. A client without the password can unlock it only by a
// prompt.
func (k *Keyring) Lock(ctx context.Context) error {
	var locked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	err := k.call(ctx, servicePath, service+".Lock", []dbus.ObjectPath{loginPath}).Store(&locked, &prompt)
	if err == nil && !slices.Contains(locked, loginPath) {
		err = errors.New("it stays open")
	}
	if err != nil {
		return fmt.Errorf("lock the keyring: %w", err)
	}
	return nil
}

// Unlock unlocks the login collection, as a user does by typing the password.
func (k *Keyring) Unlock(ctx context.Context) error {
	if err := k.unlock(ctx); err != nil {
		return fmt.Errorf("unlock the keyring: %w", err)
	}
	return nil
}

func (k *Keyring) unlock(ctx context.Context) error {
	var none dbus.Variant
	var session dbus.ObjectPath
	err := k.call(ctx, servicePath, service+".OpenSession", "plain", dbus.MakeVariant("")).Store(&none, &session)
	if err != nil {
		return err
	}
	secret := struct {
		Session     dbus.ObjectPath
		Parameters  []byte
		Value       []byte
		ContentType string
	}{session, nil, []byte(k.password), "text/plain"}
	// gnome-keyring's own, the one way to unlock it that needs no window.
	return k.call(ctx, servicePath, "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface.UnlockWithMasterPassword",
		loginPath, secret).Err
}

// Items returns the attributes of each item in the login collection.
func (k *Keyring) Items(ctx context.Context) ([]map[string]string, error) {
	var paths []dbus.ObjectPath
	if err := k.property(ctx, loginPath, collection, "Items", &paths); err != nil {
		return nil, fmt.Errorf("list the keyring: %w", err)
	}
	items := make([]map[string]string, len(paths))
	for i, path := range paths {
		if err := k.property(ctx, path, item, "Attributes", &items[i]); err != nil {
			return nil, fmt.Errorf("list the keyring: %w", err)
		}
	}
	return items, nil
}

// DeleteItems deletes each item of the login collection, as a user may with a program for
// keyrings.
func (k *Keyring) DeleteItems(ctx context.Context) error {
	var paths []dbus.ObjectPath
	if err := k.property(ctx, loginPath, collection, "Items", &paths); err != nil {
		return fmt.Errorf("list the keyring: %w", err)
	}
	for _, path := range paths {
		if err := k.call(ctx, path, item+".Delete").Err; err != nil {
			return fmt.Errorf("delete %s: %w", path, err)
		}
	}
	return nil
}

// Stop suspends the daemon (SIGSTOP): it keeps its name on the bus and does not answer, like
// a daemon that hangs.
func (k *Keyring) Stop() error { return suspend(k.process.Process) }

// Continue lets the daemon run again (SIGCONT).
func (k *Keyring) Continue() error { return resume(k.process.Process) }

// Close ends the daemon, suspended or not. Its files stay.
func (k *Keyring) Close() error {
	_ = k.conn.Close() // an error means that it was closed before, maybe by the bus
	return k.process.close()
}

func (k *Keyring) call(ctx context.Context, path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	return k.conn.Object(secrets, path).CallWithContext(ctx, method, 0, args...)
}

func (k *Keyring) property(ctx context.Context, path dbus.ObjectPath, iface, name string, value any) error {
	var v dbus.Variant
	if err := k.call(ctx, path, "org.freedesktop.DBus.Properties.Get", iface, name).Store(&v); err != nil {
		return err
	}
	return v.Store(value)
}
