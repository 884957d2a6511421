// Package assign divides the partitions of topics among the members of a consumer group, and speaks the consumer embedded protocol
// in which members tell the group's leader what they subscribe to and the leader tells them what they got. It is pure.
package assign
