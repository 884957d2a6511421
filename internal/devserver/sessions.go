package devserver

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// sessions ends the memberships of processes that have died, by their session timeouts. kfake does that for members whose last request
// was answered. One that dies while it waits for JoinGroup or SyncGroup would be a member for ever, and its group would wait for it as long.
type sessions struct {
	addr string // of the broker

	mu      sync.Mutex
	broker  *kfake.Cluster
	members map[member]*session
	stopped bool
}

type member struct{ group, id string }

// session is the last sign of a member.
type session struct {
	conn    *frameConn
	timeout time.Duration
	syncs   bool        // it waits, or waited, for SyncGroup
	timer   *time.Timer // runs since the connection was closed
}

const (
	defaultSession = 45 * time.Second // of members whose JoinGroup was not seen
	busyGroup      = time.Second      // until a group that assigns its partitions is looked at again
)

func newSessions(addr string) *sessions {
	return &sessions{addr: addr, members: make(map[member]*session)}
}

// watch is called once the broker runs.
func (s *sessions) watch(broker *kfake.Cluster) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broker = broker
}

// concerns reports whether requests with an API key say that a member lives, or leaves.
func (*sessions) concerns(key int16) bool {
	return slices.Contains([]int16{int16(kmsg.JoinGroup), int16(kmsg.SyncGroup), int16(kmsg.Heartbeat), int16(kmsg.LeaveGroup)}, key)
}

// request takes up a request that concerns sessions, from its API key on.
func (s *sessions) request(c *frameConn, frame []byte) {
	switch req := parseRequest(frame).(type) {
	case *kmsg.JoinGroupRequest:
		s.seen(c, member{req.Group, req.MemberID}, session{timeout: time.Duration(req.SessionTimeoutMillis) * time.Millisecond})
	case *kmsg.SyncGroupRequest:
		s.seen(c, member{req.Group, req.MemberID}, session{syncs: true})
	case *kmsg.HeartbeatRequest:
		s.seen(c, member{req.Group, req.MemberID}, session{})
	case *kmsg.LeaveGroupRequest:
		s.forget(member{req.Group, req.MemberID})
		for _, m := range req.Members {
			s.forget(member{req.Group, m.MemberID})
		}
	}
}

// parseRequest returns nil for what is no request.
func parseRequest(frame []byte) kmsg.Request {
	const fixed = 2 + 2 + 4 + 2 // key, version, correlation id, length of the client id
	if len(frame) < fixed {
		return nil
	}
	req := kmsg.RequestForKey(int16(binary.BigEndian.Uint16(frame))) //nolint:gosec // as it is on the wire
	if req == nil {
		return nil
	}
	req.SetVersion(int16(binary.BigEndian.Uint16(frame[2:])))                     //nolint:gosec // as above
	body, client := frame[fixed:], int(int16(binary.BigEndian.Uint16(frame[8:]))) //nolint:gosec // as above
	if client > len(body) {
		return nil
	}
	body = body[max(client, 0):]
	if req.IsFlexible() {
		if len(body) == 0 || body[0] != 0 { // no client sends tags in a header
			return nil
		}
		body = body[1:]
	}
	if req.ReadFrom(body) != nil {
		return nil
	}
	return req
}

func (s *sessions) seen(c *frameConn, m member, sign session) {
	if m.id == "" { // it is given one by the answer
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.members[m]
	if now == nil {
		now = &session{timeout: defaultSession}
		s.members[m] = now
	}
	now.conn, now.syncs = c, sign.syncs
	if sign.timeout > 0 {
		now.timeout = sign.timeout
	}
	if now.timer != nil {
		now.timer.Stop()
		now.timer = nil
	}
}

func (s *sessions) forget(m member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.members[m]; now != nil && now.timer != nil {
		now.timer.Stop()
	}
	delete(s.members, m)
}

// closed begins the timeouts of the members that were last seen on a connection.
func (s *sessions) closed(c *frameConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for m, now := range s.members {
		if now.conn == c && now.timer == nil && !s.stopped {
			s.expireAfter(m, now, now.timeout)
		}
	}
}

// expireAfter needs the lock.
func (s *sessions) expireAfter(m member, now *session, wait time.Duration) {
	now.timer = time.AfterFunc(wait, func() { s.expire(m, now) })
}

// expire has a member leave that was not seen again.
func (s *sessions) expire(m member, was *session) {
	s.mu.Lock()
	current := s.members[m] == was && was.timer != nil && !s.stopped
	broker, syncs := s.broker, was.syncs
	s.mu.Unlock()
	if !current {
		return
	}
	info := broker.GroupInfo(m.group)
	if info != nil && syncs && info.State == "CompletingRebalance" { // kfake counts wrong when a member leaves that waits for SyncGroup
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.members[m] == was && was.timer != nil && !s.stopped {
			s.expireAfter(m, was, busyGroup)
		}
		return
	}
	s.forget(m)
	if info != nil && slices.ContainsFunc(info.Members, func(i kfake.GroupMember) bool { return i.MemberID == m.id }) {
		s.leave(m)
	}
}

// leave leaves in a member's place. A broker that is gone has no members.
func (s *sessions) leave(m member) {
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", s.addr) // this machine's: it answers at once or not at all
	if err != nil {
		return
	}
	defer conn.Close() //nolint:errcheck // the answer was read
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Version, req.Group, req.MemberID = 2, m.group, m.id
	if _, err := conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, 1)); err != nil {
		return
	}
	var size [4]byte
	_, _ = io.ReadFull(conn, size[:]) // it has been done by then
}

func (s *sessions) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	for _, now := range s.members {
		if now.timer != nil {
			now.timer.Stop()
		}
	}
}
