package group

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// line is one process's way to the coordinator.
type line struct {
	to    *coordinator
	delay func() time.Duration // of each answer
	ended sync.WaitGroup

	mu      sync.Mutex
	cut     bool             // nothing passes any more
	epoch   int              // connections of an earlier one are deaf
	dead    bool             // for good
	swallow map[int16]int    // answers still to be swallowed, by API key
	lose    map[int16]int    // requests still to be lost with their connection, by API key
	onAsked map[int16]func() // called once, when a request arrives, before it is answered
	onSaid  map[int16]func() // called once, when an answer is about to be sent
	conns   map[net.Conn]struct{}
}

func newLine(to *coordinator, delay func() time.Duration) *line {
	return &line{
		to: to, delay: delay, swallow: map[int16]int{}, lose: map[int16]int{}, onAsked: map[int16]func(){}, onSaid: map[int16]func(){},
		conns: map[net.Conn]struct{}{},
	}
}

// kill is the end of the process's network.
func (l *line) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = true
	for c := range l.conns {
		_ = c.Close()
	}
}

func (l *line) set(do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	do()
}

func (l *line) dial(context.Context, string, string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead || l.cut {
		return nil, syscall.ECONNREFUSED
	}
	client, server := net.Pipe()
	l.conns[server] = struct{}{}
	epoch := l.epoch
	l.ended.Go(func() {
		l.serve(server, epoch)
		l.mu.Lock()
		delete(l.conns, server)
		l.mu.Unlock()
		_ = server.Close()
	})
	return client, nil
}

func (l *line) serve(c net.Conn, epoch int) {
	var writing sync.Mutex
	for {
		var size [4]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		frame := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(c, frame); err != nil {
			return
		}
		key, version := int16(binary.BigEndian.Uint16(frame)), int16(binary.BigEndian.Uint16(frame[2:]))
		req := kmsg.RequestForKey(key)
		req.SetVersion(version)
		body := frame[10+int(binary.BigEndian.Uint16(frame[8:])):]
		if req.IsFlexible() {
			body = body[1:]
		}
		if err := req.ReadFrom(body); err != nil {
			return
		}
		if l.take(l.lose, key) {
			return // what is lost on a connection is lost with the connection
		}
		if l.silent(epoch) {
			continue
		}
		l.trigger(l.onAsked, key)
		if l.silent(epoch) {
			continue
		}
		correlation := frame[4:8]
		l.answer(req, func(resp kmsg.Response) {
			resp.SetVersion(version)
			out := append(make([]byte, 4), correlation...)
			if resp.IsFlexible() && key != int16(kmsg.ApiVersions) {
				out = append(out, 0)
			}
			out = resp.AppendTo(out)
			binary.BigEndian.PutUint32(out, uint32(len(out)-4))
			l.ended.Go(func() { // the coordinator goes on meanwhile
				<-time.After(l.delay())
				l.trigger(l.onSaid, key)
				if l.take(l.swallow, key) || l.silent(epoch) {
					return
				}
				writing.Lock()
				defer writing.Unlock()
				_, _ = c.Write(out)
			})
		})
	}
}

func (l *line) silent(epoch int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead || l.cut || epoch != l.epoch
}

func (l *line) take(from map[int16]int, key int16) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if from[key] == 0 {
		return false
	}
	from[key]--
	return true
}

func (l *line) trigger(from map[int16]func(), key int16) {
	l.mu.Lock()
	do := from[key]
	delete(from, key)
	l.mu.Unlock()
	if do != nil {
		do()
	}
}

// answer gives the coordinator a request.
func (l *line) answer(req kmsg.Request, reply func(kmsg.Response)) {
	c := l.to
	c.enter()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	resp := req.ResponseKind()
	switch req := req.(type) {
	case *kmsg.ApiVersionsRequest:
		for key := range int16(80) {
			if known := kmsg.RequestForKey(key); known != nil {
				resp.(*kmsg.ApiVersionsResponse).ApiKeys = append(resp.(*kmsg.ApiVersionsResponse).ApiKeys,
					kmsg.ApiVersionsResponseApiKey{ApiKey: key, MaxVersion: known.MaxVersion()})
			}
		}
		reply(resp)
	case *kmsg.MetadataRequest:
		reply(c.metadata(req))
	case *kmsg.FindCoordinatorRequest:
		found := kmsg.NewFindCoordinatorResponseCoordinator()
		found.Key, found.NodeID, found.Host, found.Port = req.CoordinatorKeys[0], 1, "127.0.0.1", 1
		resp.(*kmsg.FindCoordinatorResponse).Coordinators = append(resp.(*kmsg.FindCoordinatorResponse).Coordinators, found)
		reply(resp)
	case *kmsg.JoinGroupRequest:
		c.onJoin(req, func(r *kmsg.JoinGroupResponse) { reply(r) })
	case *kmsg.SyncGroupRequest:
		c.onSync(req, func(r *kmsg.SyncGroupResponse) { reply(r) })
	case *kmsg.HeartbeatRequest:
		resp.(*kmsg.HeartbeatResponse).ErrorCode = c.onHeartbeat(req)
		reply(resp)
	case *kmsg.LeaveGroupRequest:
		for _, m := range req.Members {
			c.onLeave(m.MemberID)
			left := kmsg.NewLeaveGroupResponseMember()
			left.MemberID = m.MemberID
			resp.(*kmsg.LeaveGroupResponse).Members = append(resp.(*kmsg.LeaveGroupResponse).Members, left)
		}
		reply(resp)
	case *kmsg.DescribeGroupsRequest:
		resp.(*kmsg.DescribeGroupsResponse).Groups = append(resp.(*kmsg.DescribeGroupsResponse).Groups, c.describe(req.Groups[0]))
		reply(resp)
	}
}

func (c *coordinator) metadata(req *kmsg.MetadataRequest) *kmsg.MetadataResponse {
	resp := kmsg.NewPtrMetadataResponse()
	resp.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 1, Host: "127.0.0.1", Port: 1}}
	resp.ControllerID = 1
	for _, t := range req.Topics {
		topic := kmsg.NewMetadataResponseTopic()
		topic.Topic = t.Topic
		copy(topic.TopicID[:], *t.Topic)
		for id := range c.topics[*t.Topic] {
			p := kmsg.NewMetadataResponseTopicPartition()
			p.Partition, p.Leader, p.LeaderEpoch = id, 1, 1
			topic.Partitions = append(topic.Partitions, p)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp
}
