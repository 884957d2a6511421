package kafka

import "context"

// ListedGroup is a group as ListGroups sees it.
type ListedGroup struct {
	Group        string
	ProtocolType string // "consumer" for consumer groups
	State        string // for example "Stable" or "Empty"
	Type         string // "classic", "consumer" or "share"; empty when the broker does not say
	Coordinator  int32
}

// ListGroups asks every broker for the groups it coordinates and returns them in order of name. A broker that cannot be
// asked makes err not nil; the groups of the others are returned all the same.
func (c *Client) ListGroups(ctx context.Context) ([]ListedGroup, error) { return c.listGroups(ctx) }

// DescribedGroup is a group with its members. Err is not nil when it could not be described.
type DescribedGroup struct {
	Group        string
	State        string // "Dead" when there is no such group
	ProtocolType string
	Protocol     string
	Coordinator  int32
	Members      []DescribedMember
	Err          error
}

// DescribedMember is one member of a group.
type DescribedMember struct {
	ID         string
	InstanceID string
	ClientID   string
	Host       string
	Metadata   []byte // the member's subscription, in the strategy's encoding
	Assignment []byte
}

// DescribeGroups returns the groups in the order asked; err joins their errors.
func (c *Client) DescribeGroups(ctx context.Context, groups ...string) ([]DescribedGroup, error) {
	return c.describeGroups(ctx, groups)
}
