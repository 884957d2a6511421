package group

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/headrace/headrace/consumer/internal/assign"
)

// look is what a member watches the group for while it serves an assignment.
type look struct {
	counts map[string]int32 // the partitions per topic that this member divided, as the leader; nil for other members
	first  time.Duration    // until it is looked at whether each partition has an owner
	after  time.Duration    // until that is looked at again
}

// finding is what was found.
type finding struct {
	reason string // why the group has to rebalance, "" when it need not
	orphan bool   // partitions have no owner
}

const (
	topicsChanged = "the topics' partitions changed"
	orphaned      = "partitions have no owner"
)

// maxVain bounds how often the wait doubles for a group whose rebalances leave partitions without an owner, as those of a static member
// that is away, and keeps its place for as long as its session lasts.
const maxVain = 4

// vain is how many rebalances in a row were asked for in vain, after this finding.
func (f finding) vain(before int) int {
	switch {
	case f.orphan:
		return before + 1
	case f.reason == "":
		return 0
	}
	return before
}

// watch looks for what the group does not notice by itself, until it has found a reason to rebalance.
//
// The leader looks for topics whose number of partitions is no longer the one that was divided, and, when a round has had the time it
// may take, for partitions without an owner: who was to give them up may have died in between, and be back under its static name, which
// lets it begin where it was, without a rebalance.
//
// A static member that comes back looks for such partitions as well, and does not wait. The group has given it the assignment it had
// before, whatever has become of the topics, and of what the member subscribes to.
func (m *Member) watch(ctx context.Context, look look, found chan<- finding) {
	names := slices.Sorted(maps.Keys(look.counts))
	metadata, owners := time.NewTimer(m.cfg.MetadataInterval), time.NewTimer(look.first)
	defer metadata.Stop()
	defer owners.Stop()
	for {
		var f finding
		select {
		case <-metadata.C:
			metadata.Reset(m.cfg.MetadataInterval)
			if look.counts == nil {
				continue
			}
			now, err := m.count(ctx, names)
			if err != nil || maps.Equal(look.counts, now) {
				continue // an error is an outage, of which the heartbeats tell
			}
			f.reason = topicsChanged
		case <-owners.C:
			complete, err := m.complete(ctx)
			switch {
			case err != nil:
				owners.Reset(lookAgain)
				continue
			case !complete:
				f = finding{reason: orphaned, orphan: true}
			}
			owners.Reset(look.after)
		case <-ctx.Done():
			return
		}
		select {
		case found <- f:
		case <-ctx.Done():
			return
		}
		if f.reason != "" || look.counts == nil {
			return
		}
	}
}

// lookAgain is the pause after a look that failed.
const lookAgain = time.Second

// complete reports whether each partition has an owner, by what the coordinator says of the members. While a rebalance goes on, it
// has nothing to say, and what comes of it will be looked at in its time.
func (m *Member) complete(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, m.answerTimeout())
	defer cancel()
	described, err := m.cfg.Client.DescribeGroups(ctx, m.cfg.Group)
	if err != nil {
		return false, err
	}
	group := described[0]
	if group.State != "Stable" || group.Protocol != assign.CooperativeSticky {
		return true, nil
	}
	members := make([]assign.Member, 0, len(group.Members))
	for _, d := range group.Members {
		member, err := assign.ParseSubscription(d.ID, d.InstanceID, d.Subscription)
		if err != nil {
			continue // it gets no partitions, see subscriptions
		}
		member.Owned = member.Owned[:0]
		for _, p := range d.Partitions {
			member.Owned = append(member.Owned, assign.Partition{Topic: p.Topic, ID: p.Partition})
		}
		members = append(members, member)
	}
	counts, err := m.counts(ctx, members)
	if err != nil {
		return false, err
	}
	return assign.Complete(members, counts), nil
}
