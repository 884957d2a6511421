package kafka

import "github.com/twmb/franz-go/pkg/kmsg"

// walkGroup goes past the answers about consumer groups and their offsets.
func (a *answer) walkGroup(key kmsg.Key) bool {
	switch key {
	case kmsg.OffsetCommit:
		a.skip(4)
		array[kmsg.OffsetCommitResponseTopic](a, func() {
			a.text()
			array[kmsg.OffsetCommitResponseTopicPartition](a, func() { a.skip(4 + 2) })
		})
	case kmsg.OffsetFetch:
		a.offsetFetch()
	case kmsg.JoinGroup:
		a.skip(4 + 2 + 4)
		a.texts(3) // protocol type, protocol, leader
		a.since(9, 1)
		a.text()
		array[kmsg.JoinGroupResponseMember](a, func() { a.texts(2); a.bytes(a.compact) })
	case kmsg.SyncGroup:
		a.skip(4 + 2)
		a.texts(2) // protocol type, protocol
		a.bytes(a.compact)
	case kmsg.Heartbeat:
		a.skip(4 + 2)
	case kmsg.LeaveGroup:
		a.skip(4 + 2)
		array[kmsg.LeaveGroupResponseMember](a, func() { a.texts(2); a.skip(2) })
	case kmsg.ListGroups:
		a.since(1, 4)
		a.skip(2)
		array[kmsg.ListGroupsResponseGroup](a, func() { a.texts(2 + min(max(int(a.version)-3, 0), 2)) })
	case kmsg.DescribeGroups:
		a.describeGroups()
	case kmsg.ConsumerGroupDescribe:
		a.consumerGroups()
	default:
		return false
	}
	return true
}

func (a *answer) offsetFetch() {
	offset := func() {
		a.skip(4 + 8 + 4)
		a.text()
		a.skip(2)
	}
	a.skip(4)
	if a.version < 8 {
		array[kmsg.OffsetFetchResponseTopic](a, func() {
			a.text()
			array[kmsg.OffsetFetchResponseTopicPartition](a, offset)
		})
		a.skip(2)
		return
	}
	array[kmsg.OffsetFetchResponseGroup](a, func() {
		a.text()
		array[kmsg.OffsetFetchResponseGroupTopic](a, func() {
			a.text()
			array[kmsg.OffsetFetchResponseGroupTopicPartition](a, offset)
		})
		a.skip(2)
	})
}

func (a *answer) describeGroups() {
	a.since(1, 4)
	array[kmsg.DescribeGroupsResponseGroup](a, func() {
		a.skip(2)
		if a.version >= 6 {
			a.text()
		}
		a.texts(4) // group, state, protocol type, protocol
		array[kmsg.DescribeGroupsResponseGroupMember](a, func() {
			a.text()
			if a.version >= 4 {
				a.text()
			}
			a.texts(2) // client id, host
			a.bytes(a.compact)
			a.bytes(a.compact)
		})
		a.since(3, 4)
	})
}

func (a *answer) consumerGroups() {
	assignment := func() {
		array[kmsg.AssignmentTopicPartition](a, func() { a.skip(16); a.text(); a.numbers(4) })
		a.tags(nil)
	}
	a.skip(4)
	array[kmsg.ConsumerGroupDescribeResponseGroup](a, func() {
		a.skip(2)
		a.texts(3) // error message, group, state
		a.skip(4 + 4)
		a.text()
		array[kmsg.ConsumerGroupDescribeResponseGroupMember](a, func() {
			a.texts(3) // member, instance, rack
			a.skip(4)
			a.texts(2) // client id, host
			tagged(a, a.text, sizeOf[string]())
			a.text()
			assignment()
			assignment()
			a.since(1, 1)
		})
		a.skip(4)
	})
}
