//go:build unix && !darwin

package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/zalando/go-keyring"
)

var errLocked = errors.New("it is locked")

// lookup finds user's key without a prompt. If the keyring is locked and attended, it lets
// the keyring ask the user.
//
// go-keyring always asks to unlock the keyring and then waits without a limit, so lookup
// searches by itself: https://specifications.freedesktop.org/secret-service/
func (k *Keyring) lookup(ctx context.Context, user string) (string, error) {
	if err := k.checkBus(); err != nil {
		return "", err
	}
	text, err := k.search(ctx, user)
	switch {
	case errors.Is(err, errLocked) && k.attended():
		return k.callWithTimeout(ctx, func() (string, error) { return keyring.Get(service, user) })
	case err == nil, errors.Is(err, errNoKey):
		return text, err
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	}
	return "", keyringError(err)
}

// noSecretService reports whether err means that there is no Secret Service.
func noSecretService(err error) bool {
	var failed dbus.Error
	return errors.As(err, &failed) && failed.Name == "org.freedesktop.DBus.Error.ServiceUnknown"
}

// search asks the Secret Service for user's key, within unattendedLimit even if the bus
// accepts the connection and never answers.
func (k *Keyring) search(ctx context.Context, user string) (string, error) {
	slow := errors.New("it does not answer")
	ctx, cancel := context.WithTimeoutCause(ctx, unattendedLimit, slow)
	defer cancel()
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := searchItems(ctx, k.address(), user)
		for stillStarting(err) && ctx.Err() == nil {
			time.Sleep(20 * time.Millisecond)
			text, err = searchItems(ctx, k.address(), user)
		}
		answers <- answer{text, err}
	}()
	select {
	case a := <-answers:
		if a.err != nil && ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return a.text, a.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// stillStarting reports whether err comes from a service that owns its name on the bus but
// has not registered its methods yet. gnome-keyring does that for some milliseconds.
func stillStarting(err error) bool {
	var failed dbus.Error
	return errors.As(err, &failed) && failed.Name == "org.freedesktop.DBus.Error.UnknownMethod"
}

func searchItems(ctx context.Context, address, user string) (string, error) {
	conn, err := dbus.Connect(address, dbus.WithContext(ctx))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	secrets := conn.Object("org.freedesktop.secrets", "/org/freedesktop/secrets")
	var unlocked, locked []dbus.ObjectPath
	search := secrets.CallWithContext(ctx, "org.freedesktop.Secret.Service.SearchItems", 0, map[string]string{"service": service, "username": user})
	if err := search.Store(&unlocked, &locked); err != nil {
		return "", err
	}
	if len(unlocked) == 0 {
		if len(locked) > 0 || lockedCollection(ctx, conn) {
			return "", errLocked
		}
		return "", errNoKey
	}
	var output dbus.Variant
	var session dbus.ObjectPath
	plain := secrets.CallWithContext(ctx, "org.freedesktop.Secret.Service.OpenSession", 0, "plain", dbus.MakeVariant(""))
	if err := plain.Store(&output, &session); err != nil {
		return "", err
	}
	var secret struct {
		Session     dbus.ObjectPath
		Parameters  []byte
		Value       []byte
		ContentType string
	}
	item := conn.Object("org.freedesktop.secrets", unlocked[0])
	if err := item.CallWithContext(ctx, "org.freedesktop.Secret.Item.GetSecret", 0, session).Store(&secret); err != nil {
		return "", err
	}
	return string(secret.Value), nil
}

// lockedCollection reports whether the collection is locked in which go-keyring
// would keep a key: then it is not known whether it has the key.
func lockedCollection(ctx context.Context, conn *dbus.Conn) bool {
	for _, path := range []dbus.ObjectPath{"/org/freedesktop/secrets/collection/login", "/org/freedesktop/secrets/aliases/default"} {
		var locked dbus.Variant
		get := conn.Object("org.freedesktop.secrets", path).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, "org.freedesktop.Secret.Collection", "Locked")
		if get.Store(&locked) == nil {
			is, _ := locked.Value().(bool)
			return is
		}
	}
	return false
}

// checkBus returns an error if there is no session bus. Without one, go-keyring would start
// a bus and a keyring that are never stopped.
func (k *Keyring) checkBus() error {
	if k.address() == "" {
		return absentError("no session bus runs here")
	}
	return nil
}

// setBusAddress passes the address of the bus to go-keyring, which reads it from the
// environment only.
func (k *Keyring) setBusAddress() {
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") == "" {
		_ = os.Setenv("DBUS_SESSION_BUS_ADDRESS", k.address())
	}
}

// address returns the address of the session bus, or "" if there is none: the address in
// the environment, or the socket that login managers create in the runtime directory.
func (k *Keyring) address() string {
	getenv := k.Getenv
	if getenv == nil {
		getenv = os.Getenv
	}
	if a := getenv("DBUS_SESSION_BUS_ADDRESS"); a != "" {
		if strings.HasPrefix(a, "disabled:") || strings.HasPrefix(a, "autolaunch:") {
			return ""
		}
		return a
	}
	dir := getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		dir = fmt.Sprintf("/run/user/%d", os.Geteuid())
	}
	if info, err := os.Stat(dir + "/bus"); err == nil && info.Mode()&os.ModeSocket != 0 {
		return "unix:path=" + dbus.EscapeBusAddressValue(dir+"/bus")
	}
	return ""
}
