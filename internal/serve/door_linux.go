package serve

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// refuseNew makes the kernel pass over packets that ask for a new connection, as if
// they were lost on the way: who sent one tries again a second later, and finds a
// closed port, or another server.
func refuseNew(l net.Listener) error {
	// The filter sees packets from their TCP header on. Its byte 13 has the flags.
	const flags, syn, ack = 13, 0x02, 0x10
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: flags},
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: syn | ack},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: syn, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 1<<32 - 1},
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	return onSocket(l, func(fd int) error {
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &filter)
	})
}

// waits reports whether there is a connection that has not been accepted.
func waits(l net.Listener) (somebody bool) {
	_ = onSocket(l, func(fd int) error { // where it cannot be told, somebody who is there was accepted by now
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		somebody = n > 0
		return err
	})
	return somebody
}

func onSocket(l net.Listener, do func(fd int) error) error {
	socket, ok := l.(syscall.Conn)
	if !ok {
		return errors.New("the listener has no socket")
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	failed := raw.Control(func(fd uintptr) { err = do(int(fd)) })
	return errors.Join(failed, err)
}
