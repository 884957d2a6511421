package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// GroupProtocol is one assignment strategy a member offers, with its subscription in that strategy's own encoding.
type GroupProtocol struct {
	Name     string // for example "cooperative-sticky"
	Metadata []byte
}

// JoinRequest asks to become, or stay, a member of a group.
type JoinRequest struct {
	Group            string
	MemberID         string // empty at first
	InstanceID       string // static membership (KIP-345); empty for a dynamic member
	SessionTimeout   time.Duration
	RebalanceTimeout time.Duration
	ProtocolType     string // "consumer"
	Protocols        []GroupProtocol
	Reason           string // shown in the coordinator's log (KIP-800)
}

// JoinedGroup is the coordinator's answer to a JoinRequest.
type JoinedGroup struct {
	Generation     int32
	Protocol       string // the strategy the group agreed on
	Leader         string // member id of the leader
	MemberID       string
	SkipAssignment bool          // the leader shall not compute an assignment (KIP-814: a static leader came back)
	Members        []GroupMember // only for the leader
}

// IsLeader reports whether this member computes the assignment.
func (j JoinedGroup) IsLeader() bool { return j.Leader == j.MemberID }

// GroupMember is one member as the leader sees it.
type GroupMember struct {
	ID         string
	InstanceID string
	Metadata   []byte
}

// JoinGroup joins a group, in one attempt that lasts as long as the rebalance does. On kerr.MemberIDRequired the
// answer's MemberID is set, and the call is to be made again with it at once.
func (c *Client) JoinGroup(ctx context.Context, join JoinRequest) (JoinedGroup, error) {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group = join.Group
	req.SessionTimeoutMillis = millis(join.SessionTimeout)
	req.RebalanceTimeoutMillis = millis(join.RebalanceTimeout)
	req.MemberID = join.MemberID
	req.InstanceID = optional(join.InstanceID)
	req.ProtocolType = join.ProtocolType
	req.Reason = optional(join.Reason)
	for _, p := range join.Protocols {
		protocol := kmsg.NewJoinGroupRequestProtocol()
		protocol.Name, protocol.Metadata = p.Name, p.Metadata
		req.Protocols = append(req.Protocols, protocol)
	}
	resp, node, err := groupRequest[*kmsg.JoinGroupResponse](ctx, c, join.Group, req, join.RebalanceTimeout)
	if err != nil {
		return JoinedGroup{}, err
	}
	joined := JoinedGroup{
		Generation:     resp.Generation,
		Protocol:       text(resp.Protocol),
		Leader:         resp.LeaderID,
		MemberID:       resp.MemberID,
		SkipAssignment: resp.SkipAssignment,
	}
	for _, m := range resp.Members {
		joined.Members = append(joined.Members, GroupMember{ID: m.MemberID, InstanceID: text(m.InstanceID), Metadata: m.ProtocolMetadata})
	}
	return joined, c.groupError("JoinGroup", node, join.Group, resp.ErrorCode)
}

// SyncRequest hands in the leader's assignment, or waits for it.
type SyncRequest struct {
	Member       Member
	ProtocolType string
	Protocol     string
	Assignments  map[string][]byte // by member id; only from the leader
	Timeout      time.Duration     // how long the leader may take: the group's rebalance timeout
}

// SyncGroup returns this member's assignment in the strategy's own encoding.
func (c *Client) SyncGroup(ctx context.Context, sync SyncRequest) ([]byte, error) {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group = sync.Member.Group
	req.Generation = sync.Member.Generation
	req.MemberID = sync.Member.MemberID
	req.InstanceID = optional(sync.Member.InstanceID)
	req.ProtocolType = optional(sync.ProtocolType)
	req.Protocol = optional(sync.Protocol)
	for id, assignment := range sync.Assignments {
		a := kmsg.NewSyncGroupRequestGroupAssignment()
		a.MemberID, a.MemberAssignment = id, assignment
		req.GroupAssignment = append(req.GroupAssignment, a)
	}
	resp, node, err := groupRequest[*kmsg.SyncGroupResponse](ctx, c, req.Group, req, sync.Timeout)
	if err != nil {
		return nil, err
	}
	return resp.MemberAssignment, c.groupError("SyncGroup", node, req.Group, resp.ErrorCode)
}

// Heartbeat tells the coordinator that the member lives. kerr.RebalanceInProgress asks it to join again; it is the
// normal way to learn of a rebalance.
func (c *Client) Heartbeat(ctx context.Context, member Member) error {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group = member.Group
	req.Generation = member.Generation
	req.MemberID = member.MemberID
	req.InstanceID = optional(member.InstanceID)
	resp, node, err := groupRequest[*kmsg.HeartbeatResponse](ctx, c, member.Group, req, 0)
	if err != nil {
		return err
	}
	return c.groupError("Heartbeat", node, member.Group, resp.ErrorCode)
}

// LeaveGroup gives the member's partitions up at once, without waiting for its session to expire.
func (c *Client) LeaveGroup(ctx context.Context, member Member, reason string) error {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = member.Group
	leaving := kmsg.NewLeaveGroupRequestMember()
	leaving.MemberID, leaving.InstanceID, leaving.Reason = member.MemberID, optional(member.InstanceID), optional(reason)
	req.Members = append(req.Members, leaving)
	resp, node, err := groupRequest[*kmsg.LeaveGroupResponse](ctx, c, member.Group, req, 0)
	if err != nil {
		return err
	}
	if err := c.groupError("LeaveGroup", node, member.Group, resp.ErrorCode); err != nil {
		return err
	}
	for _, left := range resp.Members {
		if err := c.groupError("LeaveGroup", node, member.Group, left.ErrorCode); err != nil {
			return err
		}
	}
	return nil
}

// groupRequest sends req to the group's coordinator and forgets the coordinator when it cannot be reached.
func groupRequest[R kmsg.Response](ctx context.Context, c *Client, group string, req kmsg.Request, wait time.Duration) (R, int32, error) {
	var none R
	node, err := c.Coordinator(ctx, GroupCoordinator, group)
	if err != nil {
		return none, AnyNode, err
	}
	resp, err := c.roundTrip(ctx, node, req, wait)
	if err != nil {
		if RefreshesCoordinator(err) {
			c.ForgetCoordinator(GroupCoordinator, group)
		}
		return none, node, err
	}
	return resp.(R), node, nil
}

// groupError turns a coordinator's code into an error, and forgets a coordinator that says it is not the one.
func (c *Client) groupError(request string, node int32, group string, code int16) error {
	err := codeError(code)
	if err == nil {
		return nil
	}
	if RefreshesCoordinator(err) {
		c.ForgetCoordinator(GroupCoordinator, group)
	}
	return &BrokerError{Request: request, Node: node, Partition: -1, Group: group, Err: err}
}

func millis(d time.Duration) int32 {
	ms := d.Milliseconds()
	if ms > 1<<31-1 {
		return 1<<31 - 1
	}
	return int32(ms)
}
