//go:build unix

package oauth

import (
	"net"
	"syscall"
)

// addressInUse is the error of an address on which another socket listens.
const addressInUse = syscall.EADDRINUSE

// hasUnread reports whether bytes have arrived at c that were not read yet.
func hasUnread(c net.Conn) bool {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	unread := false
	// Control, unlike Read, does not wait for a pending read of the connection.
	_ = raw.Control(func(fd uintptr) {
		n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
		unread = err == nil && n > 0
	})
	return unread
}
