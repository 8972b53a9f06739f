//go:build !linux

package serve

import "net"

// refuseNew does nothing: only Linux is known to have a way.
func refuseNew(net.Listener) error { return nil }

// waits cannot tell.
func waits(net.Listener) bool { return false }
