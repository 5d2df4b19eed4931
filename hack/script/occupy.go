package script

import (
	"net"

	"github.com/rogpeppe/go-internal/testscript"
)

// Occupy takes a port of loopback and puts its number into a variable, or with "!"
// puts one there that nobody has taken: "occupy BUSY".
func Occupy(ts *testscript.TestScript, neg bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Setenv(args[0], port)
	if neg {
		ts.Check(l.Close())
		return
	}
	ts.Defer(func() { _ = l.Close() })
}
