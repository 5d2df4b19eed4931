package testenv

import (
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// InNamespace runs the test that calls it again in new namespaces, below the program init;
// options are those of unshare(1). In that second run it returns true, and loopback is up.
// In the first run it returns false after that.
func InNamespace(t *testing.T, options ...string) bool {
	t.Helper()
	const inside = "TESTENV_NAMESPACE"
	if os.Getenv(inside) != "" {
		if err := loopbackUp(); err != nil {
			t.Fatal(err)
		}
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		options = append([]string{"--user", "--map-root-user"}, options...)
	}
	cmd := exec.Command("unshare", append(options, "init", self, "-test.run", "^"+t.Name()+"$", "-test.v")...)
	cmd.Env = append(os.Environ(), inside+"=1")
	out, err := cmd.CombinedOutput()
	t.Logf("in a namespace: %v\n%s", err, out)
	if err != nil {
		t.Fail()
	}
	return false
}

// loopbackUp sets the network interface up: see netdevice(7).
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, r); err != nil || r.Uint16()&unix.IFF_UP != 0 {
		return err
	}
	r.SetUint16(r.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
}
