package sender

import (
	"sync/atomic"
	"time"
)

const (
	// clockTick is how old the shared clock may be, but for the scheduler's delays.
	clockTick = time.Millisecond
	// ownClock is how many records of a batch ask the system for the time. Those behind them are in a burst and take it from the shared
	// clock: asking would cost as much as encoding half a record.
	ownClock = 16
)

// clock is the time in ms since 1970, read from the system once per tick while somebody asks for it. The zero value stands still.
type clock struct {
	now  atomic.Int64 // 0 while it stands still
	read atomic.Bool  // since the last tick
}

func (c *clock) millis() int64 {
	if !c.read.Load() { // all goroutines share it: written only when it changes
		c.read.Store(true)
	}
	if now := c.now.Load(); now != 0 {
		return now
	}
	now := time.Now().UnixMilli()
	if c.now.CompareAndSwap(0, now) {
		c.tickLater()
	}
	return now
}

func (c *clock) tickLater() { time.AfterFunc(clockTick, c.tick) }

func (c *clock) tick() {
	if !c.read.Swap(false) {
		c.now.Store(0)
		return
	}
	c.now.Store(time.Now().UnixMilli())
	c.tickLater()
}
