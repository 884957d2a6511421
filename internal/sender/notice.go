package sender

import (
	"sync/atomic"
	"time"
)

// What goes wrong for longer than noticeAfter is logged as a warning, and again every noticeAgain for as long as it does.
const (
	noticeAfter = time.Second
	noticeAgain = 15 * time.Second
)

// notices bounds warnings: an outage makes thousands of attempts fail.
type notices struct{ last atomic.Int64 }

// notice reports whether a warning is due. The zero value says so at once.
func (n *notices) notice() bool {
	now, last := time.Now().UnixNano(), n.last.Load()
	return now-last >= int64(noticeAgain) && n.last.CompareAndSwap(last, now)
}
