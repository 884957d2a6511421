package group

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/consumer/internal/assign"
)

// coordinator is a model of Kafka's coordinator of one classic group, with the clocks that Kafka has: of sessions, of rebalances, and of
// members that have joined and fetch no assignment. Where kfake puts a static member out that misses a rebalance, it stays, as in Kafka,
// with what it said when it last joined.
type coordinator struct {
	mu       sync.Mutex
	up       chan struct{} // closed while the coordinator runs
	topics   map[string]int32
	state    string
	number   int32 // generation
	leader   string
	members  map[string]*seat
	pending  map[string]*time.Timer
	statics  map[string]string // member ids by instance id
	syncing  map[string]bool   // members whose SyncGroup is awaited
	clock    *time.Timer       // of the rebalance, or of the syncs
	ids      int
	stored   stored // what a coordinator that takes over finds
	closed   bool
	timeouts []*time.Timer
}

// seat is one member of the group.
type seat struct {
	id, instance       string
	session, rebalance time.Duration
	metadata           []byte
	assignment         []byte
	isNew              bool
	clock              *time.Timer
	join               func(*kmsg.JoinGroupResponse)
	sync               func(*kmsg.SyncGroupResponse)
}

type stored struct {
	number  int32
	leader  string
	members []seat
}

const (
	empty      = "Empty"
	preparing  = "PreparingRebalance"
	completing = "CompletingRebalance"
	stable     = "Stable"
)

func newCoordinator(topics map[string]int32) *coordinator {
	c := &coordinator{
		up: make(chan struct{}), topics: topics, state: empty, members: map[string]*seat{}, pending: map[string]*time.Timer{},
		statics: map[string]string{}, syncing: map[string]bool{},
	}
	close(c.up)
	return c
}

// after runs do when d has passed and the coordinator runs.
func (c *coordinator) after(d time.Duration, do func()) *time.Timer {
	t := time.AfterFunc(d, func() {
		c.enter()
		defer c.mu.Unlock()
		if !c.closed {
			do()
		}
	})
	c.timeouts = append(c.timeouts, t)
	return t
}

// enter locks the coordinator while it runs.
func (c *coordinator) enter() {
	for {
		c.mu.Lock()
		up := c.up
		select {
		case <-up:
			return
		default:
		}
		c.mu.Unlock()
		<-up
	}
}

// hang stops the coordinator until the function that it returns is called.
func (c *coordinator) hang() (resume func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	up := make(chan struct{})
	c.up = up
	return func() { close(up) }
}

func (c *coordinator) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, t := range c.timeouts {
		t.Stop()
	}
}

func (c *coordinator) grow(topic string, by int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.topics[topic] += by
}

func (c *coordinator) counts() map[string]int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.topics)
}

// restart is what another coordinator makes of the group: it knows what was stored, and nobody's requests. The one before it says so,
// unless it is deaf.
func (c *coordinator) restart(deaf bool) {
	c.enter()
	defer c.mu.Unlock()
	for _, m := range c.members {
		if !deaf {
			c.answerJoin(m, kerr.NotCoordinator.Code, false)
			c.answerSync(m, kerr.NotCoordinator.Code)
		}
		m.clock.Stop()
	}
	for _, t := range c.pending {
		t.Stop()
	}
	if c.clock != nil {
		c.clock.Stop()
	}
	c.members, c.pending, c.statics, c.syncing = map[string]*seat{}, map[string]*time.Timer{}, map[string]string{}, map[string]bool{}
	c.number, c.leader, c.state = c.stored.number, c.stored.leader, empty
	for _, kept := range c.stored.members {
		m := &kept
		c.members[m.id] = m
		if m.instance != "" {
			c.statics[m.instance] = m.id
		}
		c.state = stable
		c.expectHeartbeat(m, m.session)
	}
}

func (c *coordinator) store() {
	c.stored = stored{number: c.number, leader: c.leader}
	for _, id := range slices.Sorted(maps.Keys(c.members)) {
		m := *c.members[id]
		m.join, m.sync, m.clock, m.isNew = nil, nil, nil, false
		c.stored.members = append(c.stored.members, m)
	}
}

// expectHeartbeat takes a sign of life and waits for the next.
func (c *coordinator) expectHeartbeat(m *seat, within time.Duration) {
	if m.clock != nil {
		m.clock.Stop()
	}
	m.clock = c.after(within, func() {
		if c.members[m.id] != m || !m.isNew && (m.join != nil || m.sync != nil) {
			return
		}
		c.remove(m)
		c.reorganize()
	})
}

func (c *coordinator) remove(m *seat) {
	m.clock.Stop()
	delete(c.members, m.id)
	delete(c.syncing, m.id)
	if m.instance != "" && c.statics[m.instance] == m.id {
		delete(c.statics, m.instance)
	}
	if c.leader == m.id {
		c.leader = ""
		for id := range c.members {
			c.leader = max(c.leader, id)
		}
	}
}

// reorganize is what follows when a member has gone.
func (c *coordinator) reorganize() {
	switch c.state {
	case stable, completing:
		c.prepare()
	case preparing:
		c.maybeComplete()
	}
}

func (c *coordinator) prepare() {
	if c.state == completing {
		for _, m := range c.members {
			m.assignment = nil
			c.answerSync(m, kerr.RebalanceInProgress.Code)
		}
	}
	c.state = preparing
	clear(c.syncing)
	if c.clock != nil {
		c.clock.Stop()
	}
	c.waitForJoins()
	c.maybeComplete()
}

func (c *coordinator) waitForJoins() {
	longest := time.Duration(0)
	for _, m := range c.members {
		longest = max(longest, m.rebalance)
	}
	number := c.number
	c.clock = c.after(longest, func() {
		if c.state == preparing && c.number == number {
			c.complete()
		}
	})
}

func (c *coordinator) maybeComplete() {
	if c.state != preparing || len(c.pending) > 0 {
		return
	}
	for _, m := range c.members {
		if m.join == nil {
			return
		}
	}
	c.complete()
}

func (c *coordinator) complete() {
	c.clock.Stop()
	joined := ""
	for _, id := range slices.Sorted(maps.Keys(c.members)) {
		switch m := c.members[id]; {
		case m.join != nil:
			joined = id
		case m.instance == "":
			c.remove(m)
		}
	}
	if len(c.members) > 0 && joined == "" { // only static members, and all are away
		c.waitForJoins()
		return
	}
	c.number++
	if len(c.members) == 0 {
		c.state = empty
		c.store()
		return
	}
	if leader := c.members[c.leader]; leader == nil || leader.join == nil {
		c.leader = joined
	}
	c.state = completing
	for _, m := range c.members {
		c.answerJoin(m, 0, false)
		c.expectHeartbeat(m, m.session)
		m.isNew = false
		c.syncing[m.id] = true
	}
	number, longest := c.number, time.Duration(0)
	for _, m := range c.members {
		longest = max(longest, m.rebalance)
	}
	c.clock = c.after(longest, func() {
		if c.number != number || len(c.syncing) == 0 || c.state == preparing {
			return
		}
		for id := range c.syncing {
			c.remove(c.members[id])
		}
		c.reorganize()
	})
}

func (c *coordinator) answerJoin(m *seat, code int16, skip bool) {
	if m.join == nil {
		return
	}
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.ErrorCode, resp.MemberID, resp.Generation = code, m.id, c.number
	resp.ProtocolType, resp.Protocol = kmsg.StringPtr("consumer"), kmsg.StringPtr(assign.CooperativeSticky)
	resp.LeaderID, resp.SkipAssignment = c.leader, skip
	if c.leader == m.id {
		for _, id := range slices.Sorted(maps.Keys(c.members)) {
			other := c.members[id]
			j := kmsg.NewJoinGroupResponseMember()
			j.MemberID, j.ProtocolMetadata = other.id, other.metadata
			if other.instance != "" {
				j.InstanceID = kmsg.StringPtr(other.instance)
			}
			resp.Members = append(resp.Members, j)
		}
	}
	m.join(resp)
	m.join = nil
}

func (c *coordinator) answerSync(m *seat, code int16) {
	if m.sync == nil {
		return
	}
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.ErrorCode, resp.MemberAssignment = code, m.assignment
	m.sync(resp)
	m.sync = nil
	c.expectHeartbeat(m, m.session)
}

func (c *coordinator) newID(instance string) string {
	c.ids++
	return fmt.Sprintf("%s-%03d", instance, c.ids)
}

func (c *coordinator) onJoin(req *kmsg.JoinGroupRequest, reply func(*kmsg.JoinGroupResponse)) {
	refuse := func(id string, err *kerr.Error) {
		resp := kmsg.NewPtrJoinGroupResponse()
		resp.MemberID, resp.ErrorCode = id, err.Code
		reply(resp)
	}
	instance := ""
	if req.InstanceID != nil {
		instance = *req.InstanceID
	}
	metadata := req.Protocols[0].Metadata
	if t, ok := c.pending[req.MemberID]; ok {
		t.Stop()
		delete(c.pending, req.MemberID)
		c.add(&seat{id: req.MemberID}, req, metadata, reply)
		return
	}
	if req.MemberID == "" {
		if before, known := c.statics[instance]; instance != "" && known {
			c.replace(c.members[before], instance, req, metadata, reply)
			return
		}
		id := c.newID(instance)
		if instance != "" {
			c.statics[instance] = id
			c.add(&seat{id: id, instance: instance}, req, metadata, reply)
			return
		}
		c.pending[id] = c.after(millis(req.SessionTimeoutMillis), func() {
			delete(c.pending, id)
			c.maybeComplete()
		})
		refuse(id, kerr.MemberIDRequired)
		return
	}
	if err := c.validate(req.MemberID, instance); err != nil {
		refuse(req.MemberID, err)
		return
	}
	m := c.members[req.MemberID]
	same := bytes.Equal(m.metadata, metadata)
	m.join, m.metadata = reply, bytes.Clone(metadata)
	switch {
	case c.state == preparing:
		c.maybeComplete()
	case same && (c.state == completing || c.leader != m.id):
		c.answerJoin(m, 0, false)
	default:
		c.prepare()
	}
}

func (c *coordinator) add(m *seat, req *kmsg.JoinGroupRequest, metadata []byte, reply func(*kmsg.JoinGroupResponse)) {
	m.session, m.rebalance = millis(req.SessionTimeoutMillis), millis(req.RebalanceTimeoutMillis)
	m.metadata, m.join, m.isNew = bytes.Clone(metadata), reply, true
	c.members[m.id] = m
	if c.leader == "" {
		c.leader = m.id
	}
	c.expectHeartbeat(m, 5*time.Minute)
	if c.state == preparing {
		c.maybeComplete()
		return
	}
	c.prepare()
}

// replace gives a static member that comes back its place.
func (c *coordinator) replace(old *seat, instance string, req *kmsg.JoinGroupRequest, metadata []byte, reply func(*kmsg.JoinGroupResponse)) {
	c.answerJoin(old, kerr.FencedInstanceID.Code, false)
	c.answerSync(old, kerr.FencedInstanceID.Code)
	leads := c.leader == old.id
	c.remove(old)
	m := &seat{
		id: c.newID(instance), instance: instance, session: millis(req.SessionTimeoutMillis), rebalance: millis(req.RebalanceTimeoutMillis),
		metadata: bytes.Clone(metadata), assignment: old.assignment, join: reply,
	}
	c.members[m.id], c.statics[instance] = m, m.id
	if leads {
		c.leader = m.id
	}
	c.expectHeartbeat(m, m.session)
	switch c.state {
	case stable:
		c.store()
		c.answerJoin(m, 0, leads)
	case completing:
		c.prepare()
	case preparing:
		c.maybeComplete()
	}
}

func (c *coordinator) validate(id, instance string) *kerr.Error {
	if known, ok := c.statics[instance]; instance != "" && ok && known != id {
		return kerr.FencedInstanceID
	}
	if c.members[id] == nil {
		return kerr.UnknownMemberID
	}
	return nil
}

func (c *coordinator) onSync(req *kmsg.SyncGroupRequest, reply func(*kmsg.SyncGroupResponse)) {
	instance := ""
	if req.InstanceID != nil {
		instance = *req.InstanceID
	}
	err := c.validate(req.MemberID, instance)
	switch {
	case err != nil:
	case req.Generation != c.number:
		err = kerr.IllegalGeneration
	case c.state == preparing:
		err = kerr.RebalanceInProgress
	}
	if err != nil {
		resp := kmsg.NewPtrSyncGroupResponse()
		resp.ErrorCode = err.Code
		reply(resp)
		return
	}
	m := c.members[req.MemberID]
	m.sync = reply
	delete(c.syncing, m.id)
	if c.state == completing && c.leader != m.id {
		return
	}
	if c.state == stable {
		c.answerSync(m, 0)
		return
	}
	given := map[string][]byte{}
	for _, a := range req.GroupAssignment {
		given[a.MemberID] = a.MemberAssignment
	}
	c.state = stable
	for _, other := range c.members {
		other.assignment = given[other.id]
		c.answerSync(other, 0)
	}
	c.store()
}

func (c *coordinator) onHeartbeat(req *kmsg.HeartbeatRequest) int16 {
	instance := ""
	if req.InstanceID != nil {
		instance = *req.InstanceID
	}
	if err := c.validate(req.MemberID, instance); err != nil {
		return err.Code
	}
	if req.Generation != c.number {
		return kerr.IllegalGeneration.Code
	}
	m := c.members[req.MemberID]
	c.expectHeartbeat(m, m.session)
	if c.state == preparing {
		return kerr.RebalanceInProgress.Code
	}
	return 0
}

func (c *coordinator) onLeave(id string) {
	if t, ok := c.pending[id]; ok {
		t.Stop()
		delete(c.pending, id)
		c.maybeComplete()
	}
	if m := c.members[id]; m != nil {
		c.remove(m)
		c.reorganize()
	}
}

func (c *coordinator) describe(group string) kmsg.DescribeGroupsResponseGroup {
	d := kmsg.NewDescribeGroupsResponseGroup()
	d.Group, d.State, d.ProtocolType = group, c.state, "consumer"
	for _, m := range c.members {
		described := kmsg.NewDescribeGroupsResponseGroupMember()
		described.MemberID = m.id
		if c.state == stable {
			d.Protocol = assign.CooperativeSticky
			described.ProtocolMetadata, described.MemberAssignment = m.metadata, m.assignment
		}
		d.Members = append(d.Members, described)
	}
	return d
}

func millis(ms int32) time.Duration { return time.Duration(ms) * time.Millisecond }
