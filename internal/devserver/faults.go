package devserver

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// StopRegistry makes the registry hang up on whoever asks it, as a host does whose process has ended, or ends that. What it holds stays.
func (s *Server) StopRegistry(down bool) { s.registryDown.Store(down) }

// serveRegistry answers for the registry while it is up.
func (s *Server) serveRegistry(w http.ResponseWriter, r *http.Request) {
	if !s.registryDown.Load() {
		s.registry.ServeHTTP(w, r)
		return
	}
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}

// RefuseCommits makes the broker refuse what a group commits until accept is called. Where a partition has no offset yet, its first
// is accepted: that is where the group starts, before it has handled anything.
func (s *Server) RefuseCommits(group string) (accept func()) {
	type place struct {
		topic     string
		partition int32
	}
	started := map[place]bool{}
	if info := s.cluster.GroupInfo(group); info != nil {
		for topic, partitions := range info.Commits {
			for partition := range partitions {
				started[place{topic, partition}] = true
			}
		}
	}
	var asked *kmsg.OffsetCommitRequest // kfake asks more than once for a request
	refuse := false
	goesOn := func(request kmsg.Request) bool { // on the broker's goroutine, one request at a time
		commit, ok := request.(*kmsg.OffsetCommitRequest)
		if !ok || commit == asked {
			return ok && refuse
		}
		asked, refuse = commit, false
		for _, topic := range commit.Topics {
			for _, p := range topic.Partitions {
				at := place{topic.Topic, p.Partition}
				refuse = refuse || started[at]
				started[at] = true
			}
		}
		return refuse
	}
	return s.cluster.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.OffsetCommit}, Group: group, Err: kerr.UnknownMemberID, Count: -1, When: goesOn,
	}).Remove
}

// Expel removes every member from a group, as its coordinator does with those it no longer hears of, and returns their member ids. They
// learn of it by their next heartbeat or commit.
func (s *Server) Expel(ctx context.Context, group string) (members []string, err error) {
	info := s.cluster.GroupInfo(group)
	if info == nil {
		return nil, nil
	}
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Version, leave.Group = 3, group
	for _, m := range info.Members {
		member := kmsg.NewLeaveGroupRequestMember()
		member.MemberID, member.InstanceID = m.MemberID, m.InstanceID
		leave.Members = append(leave.Members, member)
		members = append(members, m.MemberID)
	}
	if len(members) == 0 {
		return nil, nil
	}
	if err := s.ask(ctx, leave); err != nil {
		return nil, fmt.Errorf("remove the members of group %s: %w", group, err)
	}
	return members, nil
}

// ask sends the broker one request and waits for the answer, whatever it says.
func (s *Server) ask(ctx context.Context, request kmsg.Request) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", s.KafkaAddr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if _, err := conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, request, 1)); err != nil {
		return err
	}
	var size [4]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(size[:])))
	return err
}

// AwaitGroup waits until a group is stable, has so many members and none of those in gone.
func (s *Server) AwaitGroup(ctx context.Context, group string, members int, gone []string) error {
	left := make(map[string]bool, len(gone))
	for _, id := range gone {
		left[id] = true
	}
	_, err := s.cluster.WaitGroupInfo(ctx, group, func(info *kfake.GroupInfo) bool {
		if info == nil || info.State != "Stable" || len(info.Members) < members {
			return false
		}
		for _, m := range info.Members {
			if left[m.MemberID] {
				return false
			}
		}
		return true
	})
	return err
}
