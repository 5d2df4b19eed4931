package oauth

import (
	"net"

	"golang.org/x/sys/windows"
)

// addressInUse is the error of an address on which another socket listens.
const addressInUse = windows.WSAEADDRINUSE

// hasUnread reports false: Windows has no portable look at a socket that another goroutine
// reads. The age of a connection decides alone.
func hasUnread(net.Conn) bool { return false }
