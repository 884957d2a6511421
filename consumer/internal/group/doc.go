// Package group keeps one member in a consumer group, by the classic group protocol (KIP-62, KIP-345, KIP-394, KIP-429, KIP-814):
// it joins, takes part in rebalances, as leader if it must, and heartbeats in a goroutine of its own, whatever the owner of the
// partitions does.
//
// Rebalancing is cooperative. A member keeps its partitions while the group rebalances, and a partition that goes to another member is
// first given up by its owner, then assigned in a second round, so that it has one owner at any time.
package group
