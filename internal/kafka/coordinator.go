package kafka

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// CoordinatorKind says what a coordinator coordinates.
type CoordinatorKind int8

// Kinds of coordinators, numbered as in FindCoordinator.
const (
	GroupCoordinator       CoordinatorKind = 0
	TransactionCoordinator CoordinatorKind = 1
)

type coordinatorKey struct {
	kind CoordinatorKind
	key  string
}

// coordinatorCache remembers coordinators. The zero value is ready.
type coordinatorCache struct {
	mu    sync.Mutex
	nodes map[coordinatorKey]int32
}

// Coordinator returns the node that coordinates a group or a transactional id, from memory while it is believed.
func (c *Client) Coordinator(ctx context.Context, kind CoordinatorKind, key string) (int32, error) {
	cache := &c.coordinators
	cache.mu.Lock()
	node, ok := cache.nodes[coordinatorKey{kind, key}]
	cache.mu.Unlock()
	if ok {
		return node, nil
	}
	node, err := c.findCoordinator(ctx, kind, key)
	if err != nil {
		return AnyNode, err
	}
	cache.mu.Lock()
	if cache.nodes == nil {
		cache.nodes = make(map[coordinatorKey]int32)
	}
	cache.nodes[coordinatorKey{kind, key}] = node
	cache.mu.Unlock()
	return node, nil
}

// ForgetCoordinator makes the next Coordinator call ask the cluster.
func (c *Client) ForgetCoordinator(kind CoordinatorKind, key string) {
	c.coordinators.mu.Lock()
	delete(c.coordinators.nodes, coordinatorKey{kind, key})
	c.coordinators.mu.Unlock()
}

func (c *Client) findCoordinator(ctx context.Context, kind CoordinatorKind, key string) (int32, error) {
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.CoordinatorType = int8(kind)
	req.CoordinatorKey = key            // up to version 3
	req.CoordinatorKeys = []string{key} // from version 4
	resp, err := c.Request(ctx, AnyNode, req)
	if err != nil {
		return AnyNode, err
	}
	answer := resp.(*kmsg.FindCoordinatorResponse)
	if answer.Version < 4 {
		answer.Coordinators = []kmsg.FindCoordinatorResponseCoordinator{{
			Key: key, NodeID: answer.NodeID, Host: answer.Host, Port: answer.Port,
			ErrorCode: answer.ErrorCode, ErrorMessage: answer.ErrorMessage,
		}}
	}
	failure := &BrokerError{Request: "FindCoordinator", Node: AnyNode, Partition: -1}
	if kind == GroupCoordinator {
		failure.Group = key
	} else {
		failure.Message = "transactional id " + key
	}
	for _, found := range answer.Coordinators {
		if found.Key != key {
			continue
		}
		if failure.Err = codeError(found.ErrorCode); failure.Err != nil {
			if found.ErrorMessage != nil {
				failure.Message = *found.ErrorMessage
			}
			return AnyNode, failure
		}
		c.metadata.noteBroker(found.NodeID, found.Host, found.Port)
		return found.NodeID, nil
	}
	failure.Err = ErrNoAnswer
	return AnyNode, failure
}
