// Package runid makes the ids of replays and redrives.
package runid

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// New is the id of a run that begins now. It is unique, and sorts by time.
func New(now time.Time) string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	return now.UTC().Format("20060102-150405-") + hex.EncodeToString(random[:])
}
