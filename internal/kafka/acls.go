package kafka

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ErrNoAuthorizer means that the cluster checks nobody's rights, so that it has no ACLs.
var ErrNoAuthorizer = errors.New("the cluster has no authorizer")

// ACL is one access rule, in Kafka's words.
type ACL struct {
	Principal string // "User:delays"
	Host      string // "*" for any
	Resource  string // "TOPIC", "GROUP", "CLUSTER", "TRANSACTIONAL_ID"
	Name      string
	Pattern   string // "LITERAL" or "PREFIXED"
	Operation string // "READ", "WRITE", …
	Allow     bool
}

// ACLs returns every rule of the cluster, or an error that wraps ErrNoAuthorizer.
func (c *Client) ACLs(ctx context.Context) ([]ACL, error) {
	req := kmsg.NewPtrDescribeACLsRequest()
	req.ResourceType = kmsg.ACLResourceTypeAny
	req.ResourcePatternType = kmsg.ACLResourcePatternTypeAny
	req.Operation = kmsg.ACLOperationAny
	req.PermissionType = kmsg.ACLPermissionTypeAny
	resp, err := c.Request(ctx, AnyNode, req)
	if err != nil {
		return nil, err
	}
	answer := resp.(*kmsg.DescribeACLsResponse)
	if err := aclError("DescribeACLs", answer.ErrorCode, answer.ErrorMessage); err != nil {
		return nil, err
	}
	var all []ACL
	for _, r := range answer.Resources {
		for _, a := range r.ACLs {
			all = append(all, ACL{
				Principal: a.Principal, Host: a.Host, Resource: r.ResourceType.String(), Name: r.ResourceName,
				Pattern: r.ResourcePatternType.String(), Operation: a.Operation.String(), Allow: a.PermissionType == kmsg.ACLPermissionTypeAllow,
			})
		}
	}
	return all, nil
}

func aclError(request string, code int16, message *string) error {
	err := codeError(code)
	if err == nil {
		return nil
	}
	failed := &BrokerError{Request: request, Node: AnyNode, Partition: -1, Message: text(message), Err: err}
	if errors.Is(err, kerr.SecurityDisabled) {
		return errors.Join(ErrNoAuthorizer, failed)
	}
	return failed
}

// CreateACLs adds rules; one that is there already is no error. Errors come in the order of the rules, nil for each that was added;
// err joins them, or is why the request failed as a whole (then errs is nil).
func (c *Client) CreateACLs(ctx context.Context, rules ...ACL) (errs []error, err error) {
	req := kmsg.NewPtrCreateACLsRequest()
	for _, rule := range rules {
		creation := kmsg.NewCreateACLsRequestCreation()
		if creation.ResourceType, creation.ResourcePatternType, creation.Operation, err = rule.wire(); err != nil {
			return nil, err
		}
		creation.ResourceName, creation.Principal, creation.Host, creation.PermissionType = rule.Name, rule.Principal, rule.Host, rule.permission()
		req.Creations = append(req.Creations, creation)
	}
	node, err := c.Controller(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := c.Request(ctx, node, req)
	if err != nil {
		return nil, err
	}
	results := resp.(*kmsg.CreateACLsResponse).Results
	errs = make([]error, len(rules))
	for i := range rules {
		if i >= len(results) {
			errs[i] = &BrokerError{Request: "CreateACLs", Node: node, Partition: -1, Err: ErrNoAnswer}
			continue
		}
		errs[i] = aclError("CreateACLs", results[i].ErrorCode, results[i].ErrorMessage)
	}
	return errs, errors.Join(errs...)
}

// DeleteACLs removes exactly these rules; one that is not there is no error.
func (c *Client) DeleteACLs(ctx context.Context, rules ...ACL) (errs []error, err error) {
	req := kmsg.NewPtrDeleteACLsRequest()
	for _, rule := range rules {
		filter := kmsg.NewDeleteACLsRequestFilter()
		if filter.ResourceType, filter.ResourcePatternType, filter.Operation, err = rule.wire(); err != nil {
			return nil, err
		}
		filter.ResourceName, filter.Principal, filter.Host, filter.PermissionType = &rule.Name, &rule.Principal, &rule.Host, rule.permission()
		req.Filters = append(req.Filters, filter)
	}
	node, err := c.Controller(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := c.Request(ctx, node, req)
	if err != nil {
		return nil, err
	}
	results := resp.(*kmsg.DeleteACLsResponse).Results
	errs = make([]error, len(rules))
	for i := range rules {
		if i >= len(results) {
			errs[i] = &BrokerError{Request: "DeleteACLs", Node: node, Partition: -1, Err: ErrNoAnswer}
			continue
		}
		errs[i] = aclError("DeleteACLs", results[i].ErrorCode, results[i].ErrorMessage)
	}
	return errs, errors.Join(errs...)
}

func (a ACL) permission() kmsg.ACLPermissionType {
	if a.Allow {
		return kmsg.ACLPermissionTypeAllow
	}
	return kmsg.ACLPermissionTypeDeny
}

func (a ACL) wire() (kmsg.ACLResourceType, kmsg.ACLResourcePatternType, kmsg.ACLOperation, error) {
	resource, err := kmsg.ParseACLResourceType(a.Resource)
	if err != nil {
		return 0, 0, 0, err
	}
	pattern, err := kmsg.ParseACLResourcePatternType(a.Pattern)
	if err != nil {
		return 0, 0, 0, err
	}
	operation, err := kmsg.ParseACLOperation(a.Operation)
	return resource, pattern, operation, err
}
