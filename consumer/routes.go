package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// tombstone is the route of null values, which have no schema and so no name.
const tombstone = ""

// routes finds the handler of an event by the full name of the schema it was written with. It does not change once made.
type routes struct {
	registry *registry.Client
	byEvent  map[string]*route
}

// route is one handler.
type route struct {
	event    string
	policy   Policy
	liveOnly bool
	call     func(*lane) caller
}

// newRoutes checks the handlers and reports every mistake.
func newRoutes(reg *registry.Client, fallback Policy, handlers []Handler) (*routes, error) {
	r := &routes{registry: reg, byEvent: make(map[string]*route, len(handlers))}
	var errs []error
	if len(handlers) == 0 {
		errs = append(errs, errors.New("consumer: no handlers: make one with On"))
	}
	for i, h := range handlers {
		if h.bind == nil {
			errs = append(errs, fmt.Errorf("consumer: handler %d has no function: make it with On or OnTombstone", i+1))
			continue
		}
		b, err := h.bind(reg)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		name := "handler of " + eventName(b.event)
		if r.byEvent[b.event] != nil {
			errs = append(errs, fmt.Errorf("consumer: %s is given twice", name))
		}
		policy := fallback
		if h.policy != nil {
			policy = h.policy.withDefaults()
			if err := policy.validate(name + ": Policy"); err != nil {
				errs = append(errs, err)
			}
		}
		r.byEvent[b.event] = &route{event: b.event, policy: policy, liveOnly: h.liveOnly, call: b.call}
	}
	return r, errors.Join(errs...)
}

func eventName(event string) string {
	if event == tombstone {
		return "tombstones"
	}
	return event
}

// deadLetters reports whether any event may become a dead letter.
func (r *routes) deadLetters(cfg Config) bool {
	for _, route := range r.byEvent {
		if route.policy.DeadLetter {
			return true
		}
	}
	return cfg.Policy.DeadLetter || cfg.Unhandled == UnhandledDeadLetter
}

// anyLiveOnly reports whether a handler is for live events only.
func (r *routes) anyLiveOnly() bool {
	for _, route := range r.byEvent {
		if route.liveOnly {
			return true
		}
	}
	return false
}

// copies reports whether any event may be copied to another topic.
func (r *routes) copies(cfg Config) bool { return r.deadLetters(cfg) || len(r.delays()) > 0 }

// checkNames holds the names of the topics that events are copied to, which have the group's in them, to what Kafka takes.
func (r *routes) checkNames(cfg Config) error {
	var names []string
	for _, topic := range cfg.Topics {
		for _, delay := range r.delays() {
			names = append(names, RetryTopic(topic, cfg.Group, delay))
		}
		if r.deadLetters(cfg) {
			names = append(names, DeadLetterTopic(topic, cfg.Group))
		}
	}
	for _, name := range names {
		if why := notATopic(name); why != "" {
			return fmt.Errorf("consumer: Config.Group %q: topic %q would be its retry or dead-letter topic, and %s: give it another name", cfg.Group, name, why)
		}
	}
	return nil
}

// notATopic says why Kafka takes no topic of a name (org.apache.kafka.common.internals.Topic); "" when it does.
func notATopic(name string) string {
	const longest = 249
	if len(name) > longest {
		return fmt.Sprintf("a topic's name has at most %d bytes", longest)
	}
	for _, c := range name {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && c != '.' && c != '_' && c != '-' {
			return "a topic's name has letters, digits, dots, dashes and underscores only"
		}
	}
	return ""
}

// delays is every delay that an event may wait for in a retry topic, in order.
func (r *routes) delays() []time.Duration {
	var lists [][]time.Duration
	for _, route := range r.byEvent {
		lists = append(lists, route.policy.Retry)
	}
	return delays(lists...)
}

// target is where the events of one writer's schema go.
type target struct {
	event    string // full name of the schema
	route    *route // nil: nobody handles them
	liveOnly bool   // and that because their handler is one for live events only
}

// router is the routes as one goroutine uses them. It remembers where each schema's events go.
type router struct {
	routes  *routes
	replay  bool // what is routed is not live
	targets map[schema.Ref]*target
	last    schema.Ref
	lastTo  *target
}

// lookupTimeout is how long the registry may take before the worker says that an event waits for it, and asks again.
const lookupTimeout = 5 * time.Second

// maxTargets bounds what a router remembers, since ids come from outside.
const maxTargets = 1024

func newRouter(r *routes) *router {
	return &router{routes: r, targets: make(map[schema.Ref]*target)}
}

// find returns where the events of a topic that are written with a schema go. The error is the registry's.
func (r *router) find(ctx context.Context, topic string, ref schema.Ref) (*target, error) {
	if r.lastTo != nil && r.last == ref {
		return r.lastTo, nil
	}
	t, ok := r.targets[ref]
	if !ok {
		ask, cancel := context.WithTimeout(ctx, lookupTimeout)
		writer, err := r.routes.registry.ResolveFor(ask, schema.TopicName(topic), ref)
		cancel()
		if err != nil {
			return nil, err
		}
		if len(r.targets) >= maxTargets {
			clear(r.targets)
		}
		t = r.to(writer.FullName())
		r.targets[ref] = t
	}
	r.last, r.lastTo = ref, t
	return t, nil
}

// to returns the target for events of a name.
func (r *router) to(event string) *target {
	found := r.routes.byEvent[event]
	if r.replay && found != nil && found.liveOnly {
		return &target{event: event, liveOnly: true}
	}
	return &target{event: event, route: found}
}

// undecodable reports whether err is the fault of the event's own bytes, or of the schema they name, so that no waiting helps. All
// other errors of the schema package are outages, or settings of the registry that somebody has to mend: the event waits.
func undecodable(err error) bool {
	var (
		wire    *schema.WireError
		data    *schema.DataError
		unknown *registry.UnknownSchemaError
		resolve *schema.ResolveError
		invalid *schema.InvalidSchemaError
		misfit  *schema.TypeError
	)
	return errors.As(err, &wire) || errors.As(err, &data) || errors.As(err, &unknown) || errors.As(err, &resolve) ||
		errors.As(err, &invalid) || errors.As(err, &misfit)
}
