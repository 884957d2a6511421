package consumer

import (
	"context"
	"math/rand/v2"
	"testing"

	"go.uber.org/zap"

	"github.com/headrace/headrace/consumer/internal/progress"
	"github.com/headrace/headrace/internal/kafka"
)

// TestAPartitionWithFullMetadataComesToRest holds that such a partition and the committer do not wake each other for ever while nothing
// changes, and that the partition goes on at once when there is room.
func TestAPartitionWithFullMetadataComesToRest(t *testing.T) {
	t.Parallel()
	e := &engine{cfg: Config{Logger: zap.NewNop()}.withDefaults(), routes: &routes{}, stats: new(counters), lanes: newLanes(1), base: t.Context()}
	e.commits = newCommitter(e)
	p := newPartition(e, kafka.TopicPartition{Topic: "t"}, kafka.Member{})
	const events = 60_000
	note := progress.Note{Done: progress.NewDone(0)}
	random := rand.New(rand.NewPCG(1, 2)) // a pattern that does not compress
	for at := int64(1); at < events; at++ {
		if random.IntN(6) > 0 {
			note.Done.Mark(at, at+1)
		}
	}
	p.setPosition(note, 0, "")
	taken := func() {
		for _, share := range e.commits.shares([]*partition{p}, true) { // as if the broker had taken it
			p.committed, p.metadata = share.commits[0].Offset, share.commits[0].Metadata
			p.confirmed(share.marks[0])
		}
	}
	taken()
	if p.room() || p.paused.text() == "" {
		t.Fatal("there is room")
	}
	round := func() (busy bool) {
		select {
		case <-e.commits.wanted:
			busy = true
			e.commits.commit(context.Background(), []*partition{p}, false)
		default:
		}
		select {
		case <-p.nudge:
			busy = true
			p.room()
		default:
		}
		return busy
	}
	for rounds := 0; round(); rounds++ {
		if rounds == 10 {
			t.Fatal("partition and committer wake each other though nothing changes")
		}
	}

	p.mu.Lock()
	p.done.Mark(0, events)
	p.mu.Unlock()
	if p.room() {
		t.Fatal("there is room before a commit has made some")
	}
	select {
	case <-e.commits.wanted:
		taken()
	default:
		t.Fatal("no commit is wanted although the prefix has moved")
	}
	select {
	case <-p.nudge:
	default:
		t.Fatal("the partition is not woken")
	}
	if !p.room() {
		t.Errorf("no room: %s", p.paused.text())
	}
}
