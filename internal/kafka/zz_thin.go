package kafka

import "context"

func (c *Client) produce(ctx context.Context, node int32, req *ProduceRequest) (*ProduceResponse, error) {
	return nil, errNotYet
}

// FetchSession remembers what one broker already knows about the partitions fetched from it. The zero value is ready. It
// belongs to one broker and one goroutine at a time.
type FetchSession struct {
	id, epoch int32
}

func (c *Client) fetch(ctx context.Context, node int32, req *FetchRequest) (*FetchResponse, error) {
	return nil, errNotYet
}

func releaseFetchBuffer(b *[]byte) {}

func (c *Client) listOffsets(ctx context.Context, readCommitted bool, queries []OffsetQuery) ([]OffsetAnswer, error) {
	return nil, errNotYet
}

func (c *Client) commitOffsets(ctx context.Context, member Member, commits []OffsetCommit) ([]error, error) {
	return nil, errNotYet
}

func (c *Client) fetchOffsets(ctx context.Context, group string, partitions []TopicPartition) ([]CommittedOffset, error) {
	return nil, errNotYet
}

func (c *Client) createTopics(ctx context.Context, validateOnly bool, topics []NewTopic) ([]error, error) {
	return nil, errNotYet
}
func (c *Client) deleteTopics(ctx context.Context, names []string) ([]error, error) { return nil, errNotYet }
func (c *Client) topicConfigs(ctx context.Context, topic string) ([]ConfigEntry, error) {
	return nil, errNotYet
}
func (c *Client) listGroups(ctx context.Context) ([]ListedGroup, error) { return nil, errNotYet }
func (c *Client) describeGroups(ctx context.Context, groups []string) ([]DescribedGroup, error) {
	return nil, errNotYet
}
