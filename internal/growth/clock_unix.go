//go:build unix

package growth

import (
	"syscall"
	"time"
)

// clock is the time that this process has spent on processors, which does not
// pass while others have them.
func clock() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
