package desktop

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Bus is a private D-Bus session bus. Only processes with [Bus.Env] in their environment use
// it, and it starts no service.
type Bus struct {
	// Address is the value for DBUS_SESSION_BUS_ADDRESS.
	Address string
	// Dir holds the bus's socket under the name "bus", as /run/user/UID does,
	// and so may serve as XDG_RUNTIME_DIR. Close removes it.
	Dir string

	process  *process
	keyrings []*Keyring
}

// busConfig is a session bus without a service directory. With one, as in the system's
// session.conf, the first call for org.freedesktop.secrets would start a second gnome-keyring.
// See dbus-daemon(1).
const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`

// StartBus starts a bus with its socket in a new directory inside dir. If the path of dir
// is too long for a socket, the directory is inside /tmp. The bus ends with ctx.
func StartBus(ctx context.Context, dir string) (*Bus, error) {
	// gnome-keyring puts its socket deeper than the bus does.
	own, err := socketDir(dir, "desktop-", "keyring/control")
	if err != nil {
		return nil, err
	}
	b := &Bus{Dir: own}
	if err := b.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start a session bus: %w", err), os.RemoveAll(own))
	}
	return b, nil
}

// socketDir makes a new directory inside dir in which name can be a socket: in
// /tmp, if name's path would be over the 107 bytes that unix(7) has room for.
func socketDir(dir, prefix, name string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	own, err := os.MkdirTemp(dir, prefix)
	if err != nil || len(filepath.Join(own, name)) <= 107 {
		return own, err
	}
	if err := os.Remove(own); err != nil {
		return "", err
	}
	return os.MkdirTemp("/tmp", prefix)
}

func (b *Bus) start(ctx context.Context) error {
	config := filepath.Join(b.Dir, "bus.conf")
	text := fmt.Sprintf(busConfig, escapeAddress(filepath.Join(b.Dir, "bus")))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "dbus-daemon", "--config-file="+config, "--nofork", "--nopidfile", "--print-address=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	b.process, err = start(cmd)
	if err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n') // printed once it listens
	if err != nil {
		return b.process.failed(errors.New("no address from dbus-daemon"))
	}
	b.Address = strings.TrimSuffix(line, "\n")
	return nil
}

// escapeAddress writes a path as a value in a D-Bus address:
// https://dbus.freedesktop.org/doc/dbus-specification.html#addresses. The result needs no
// escape in XML either.
func escapeAddress(path string) string {
	var s strings.Builder
	for _, c := range []byte(path) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_/.", c) >= 0:
			s.WriteByte(c)
		default:
			fmt.Fprintf(&s, "%%%02x", c)
		}
	}
	return s.String()
}

// Env returns the environment variables with which a process finds the bus.
func (b *Bus) Env() []string {
	return []string{"DBUS_SESSION_BUS_ADDRESS=" + b.Address}
}

// Close ends the bus with the keyrings on it, and removes Dir.
func (b *Bus) Close() error {
	var errs []error
	for _, k := range b.keyrings {
		errs = append(errs, k.Close())
	}
	errs = append(errs, b.process.close(), os.RemoveAll(b.Dir))
	return errors.Join(errs...)
}
