package kafka

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ConfigResource is a topic or, when Topic is empty, a broker.
type ConfigResource struct {
	Topic string
	Node  int32
}

func (r ConfigResource) wire() (kmsg.ConfigResourceType, string) {
	if r.Topic != "" {
		return kmsg.ConfigResourceTypeTopic, r.Topic
	}
	return kmsg.ConfigResourceTypeBroker, strconv.Itoa(int(r.Node))
}

// configBatch is how many topics one DescribeConfigs asks for: an answer has some 2 KiB for each.
const configBatch = 500

// Configs returns every setting of each topic as one node knows it, or AnyNode, in order of name, each topic with its own error; err
// is why they could not be asked for.
func (c *Client) Configs(ctx context.Context, node int32, topics []string) (entries [][]ConfigEntry, errs []error, err error) {
	entries, errs = make([][]ConfigEntry, len(topics)), make([]error, len(topics))
	at := make(map[string]int, len(topics))
	for i, topic := range topics {
		at[topic] = i
		errs[i] = &BrokerError{Request: "DescribeConfigs", Node: node, Topic: topic, Partition: -1, Err: ErrNoAnswer}
	}
	for some := range slices.Chunk(topics, configBatch) {
		req := kmsg.NewPtrDescribeConfigsRequest()
		for _, topic := range some {
			resource := kmsg.NewDescribeConfigsRequestResource()
			resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, topic
			req.Resources = append(req.Resources, resource)
		}
		resp, err := c.Request(ctx, node, req)
		if err != nil {
			return nil, nil, err
		}
		for _, r := range resp.(*kmsg.DescribeConfigsResponse).Resources {
			i, asked := at[r.ResourceName]
			if !asked {
				continue
			}
			entries[i], errs[i] = configEntries(r.Configs), nil
			if err := codeError(r.ErrorCode); err != nil {
				errs[i] = &BrokerError{
					Request: "DescribeConfigs", Node: node, Topic: r.ResourceName, Partition: -1, Message: text(r.ErrorMessage), Err: err,
				}
			}
		}
	}
	return entries, errs, nil
}

// BrokerConfigs returns the settings of one broker, asked of itself, in order of name. Default is false for those that were set
// at run time for this broker alone.
func (c *Client) BrokerConfigs(ctx context.Context, node int32, names ...string) ([]ConfigEntry, error) {
	req := kmsg.NewPtrDescribeConfigsRequest()
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeBroker, strconv.Itoa(int(node))
	resource.ConfigNames = names
	req.Resources = append(req.Resources, resource)
	resp, err := c.Request(ctx, node, req)
	if err != nil {
		return nil, err
	}
	resources := resp.(*kmsg.DescribeConfigsResponse).Resources
	if len(resources) == 0 {
		return nil, &BrokerError{Request: "DescribeConfigs", Node: node, Partition: -1, Err: ErrNoAnswer}
	}
	r := resources[0] // of the one that was asked for
	if err := codeError(r.ErrorCode); err != nil {
		return nil, &BrokerError{Request: "DescribeConfigs", Node: node, Partition: -1, Message: text(r.ErrorMessage), Err: err}
	}
	entries := configEntries(r.Configs)
	for _, e := range r.Configs {
		at := slices.IndexFunc(entries, func(entry ConfigEntry) bool { return entry.Name == e.Name })
		entries[at].Default = e.Source != kmsg.ConfigSourceDynamicBrokerConfig
	}
	return entries, nil
}

func configEntries(configs []kmsg.DescribeConfigsResponseResourceConfig) []ConfigEntry {
	entries := make([]ConfigEntry, len(configs))
	for i, e := range configs {
		entries[i] = ConfigEntry{
			Name: e.Name, Value: text(e.Value), ReadOnly: e.ReadOnly, Sensitive: e.IsSensitive,
			Default: e.Source != kmsg.ConfigSourceDynamicTopicConfig,
		}
	}
	slices.SortFunc(entries, func(a, b ConfigEntry) int { return cmp.Compare(a.Name, b.Name) })
	return entries
}

// ConfigChange sets settings of one topic or broker; a nil value takes the setting back to its default. The others stay as they
// are (KIP-339).
type ConfigChange struct {
	Resource ConfigResource
	Set      map[string]*string
}

// AlterConfigs changes settings. A broker takes its own changes, the controller those of topics. Errors come in the order of the
// changes, nil for each that was made; err joins them, or is why a request failed as a whole (then errs is nil). validateOnly asks
// without changing anything.
func (c *Client) AlterConfigs(ctx context.Context, validateOnly bool, changes ...ConfigChange) (errs []error, err error) {
	controller, err := c.Controller(ctx)
	if err != nil {
		return nil, err
	}
	requests := make(map[int32]*kmsg.IncrementalAlterConfigsRequest)
	for _, change := range changes {
		node := controller
		if change.Resource.Topic == "" {
			node = change.Resource.Node
		}
		if requests[node] == nil {
			requests[node] = kmsg.NewPtrIncrementalAlterConfigsRequest()
			requests[node].ValidateOnly = validateOnly
		}
		requests[node].Resources = append(requests[node].Resources, change.wire())
	}
	answers := make(map[ConfigResource]error, len(changes))
	for node, req := range requests {
		resp, err := c.Request(ctx, node, req)
		if err != nil {
			return nil, err
		}
		for _, r := range resp.(*kmsg.IncrementalAlterConfigsResponse).Resources {
			resource := ConfigResource{Topic: r.ResourceName}
			if r.ResourceType == kmsg.ConfigResourceTypeBroker {
				resource = ConfigResource{Node: node}
			}
			answers[resource] = nil
			if err := codeError(r.ErrorCode); err != nil {
				answers[resource] = &BrokerError{
					Request: "IncrementalAlterConfigs", Node: node, Topic: resource.Topic, Partition: -1, Message: text(r.ErrorMessage), Err: err,
				}
			}
		}
	}
	errs = make([]error, len(changes))
	for i, change := range changes {
		answer, ok := answers[change.Resource]
		if !ok {
			answer = &BrokerError{Request: "IncrementalAlterConfigs", Node: AnyNode, Topic: change.Resource.Topic, Partition: -1, Err: ErrNoAnswer}
		}
		errs[i] = answer
	}
	return errs, errors.Join(errs...)
}

func (change ConfigChange) wire() kmsg.IncrementalAlterConfigsRequestResource {
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = change.Resource.wire()
	for name, value := range change.Set {
		config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		config.Name, config.Value = name, value
		if value == nil {
			config.Op = kmsg.IncrementalAlterConfigOpDelete
		}
		resource.Configs = append(resource.Configs, config)
	}
	slices.SortFunc(resource.Configs, func(a, b kmsg.IncrementalAlterConfigsRequestResourceConfig) int { return cmp.Compare(a.Name, b.Name) })
	return resource
}
