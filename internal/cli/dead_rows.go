package cli

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/headrace/headrace/deadletter"
)

// deadRow is one dead letter.
type deadRow struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	State     string `json:"state"`
	Run       string `json:"run,omitempty"`
	Cause     string `json:"cause"`
	Family    string `json:"family,omitempty"`
	Died      string `json:"died,omitempty"`
	Event     string `json:"event,omitempty"`
	Schema    string `json:"schema,omitempty"`
	Kind      string `json:"kind,omitempty"`
	Error     string `json:"error,omitempty"`
	Attempts  int    `json:"attempts"`
	Group     string `json:"group,omitempty"`
	Handler   string `json:"handler,omitempty"`
	Origin    place  `json:"origin"`
	Time      string `json:"time"`
	Key       string `json:"key,omitempty"`
	Redrives  int    `json:"redrives,omitempty"`
}

// place is where an event came from.
type place struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

func deadRowOf(d deadletter.Letter) deadRow {
	row := deadRow{
		Topic: d.Topic, Partition: d.Partition, Offset: d.Offset, State: string(d.Fate), Run: d.Run, Cause: d.Cause().ID, Family: string(d.Family),
		Event: d.Event, Schema: d.Schema, Kind: d.Kind, Error: d.Error, Attempts: d.Attempts, Group: d.Group, Handler: d.Handler,
		Origin: place{d.Origin.Topic, d.Origin.Partition, d.Origin.Offset}, Redrives: d.Redrives, Died: moment(d.Died), Time: moment(d.Time),
	}
	if utf8.Valid(d.Key) {
		row.Key = string(d.Key)
	}
	return row
}

func (r deadRow) compare(other deadRow) int {
	return cmp.Or(strings.Compare(r.Topic, other.Topic), cmp.Compare(r.Partition, other.Partition))
}

// deadGroup is the dead letters that have the same in common.
type deadGroup struct {
	Cause   string   `json:"cause,omitempty"`
	Count   int64    `json:"count"`
	Settled int64    `json:"settled,omitempty"` // of them are redriven or discarded
	Age     string   `json:"age,omitempty"`
	Handler string   `json:"handler,omitempty"`
	Event   string   `json:"event,omitempty"`
	Kind    string   `json:"kind,omitempty"`
	Error   string   `json:"error,omitempty"`
	Topics  []string `json:"topics"`
	Oldest  string   `json:"oldest,omitempty"` // when the first of them died
	Newest  string   `json:"newest,omitempty"`
	Example place    `json:"example"`
}

// deadKey is what the dead letters of a group have in common.
type deadKey struct{ kind, error, event, handler, topic, age string }

// maxDeadGroups bounds what is counted apart, since errors may say anything.
const maxDeadGroups = 10_000

// deadGroups counts.
type deadGroups struct {
	by     []string
	now    time.Time
	found  map[deadKey]*deadGroup
	beyond int64
}

func (g *deadGroups) has(by string) bool { return slices.Contains(g.by, by) }

func (g *deadGroups) count(d deadletter.Letter) error {
	cause := d.Cause()
	died := d.Died
	if died.IsZero() {
		died = d.Time
	}
	var key deadKey
	if g.has("error") {
		key.kind, key.error = cause.Kind, cause.Error
	}
	if g.has("event") {
		key.event = cause.Event
	}
	if g.has("handler") {
		key.handler = strings.TrimSpace(cause.Group + " " + cause.Handler)
	}
	if g.has("topic") {
		key.topic = d.Topic
	}
	if g.has("age") {
		key.age = ageOf(g.now.Sub(died))
	}
	group := g.found[key]
	if group == nil {
		if len(g.found) >= maxDeadGroups {
			g.beyond++
			return nil
		}
		group = &deadGroup{
			Age: key.age, Handler: key.handler, Event: key.event, Kind: key.kind, Error: key.error,
			Oldest: moment(died), Newest: moment(died), Example: place{d.Topic, d.Partition, d.Offset},
		}
		if g.has("error") && g.has("event") && g.has("handler") {
			group.Cause = cause.ID
		}
		g.found[key] = group
	}
	group.Count++
	if d.Fate != deadletter.FateOpen {
		group.Settled++
	}
	group.Oldest, group.Newest = min(group.Oldest, moment(died)), max(group.Newest, moment(died))
	if !slices.Contains(group.Topics, d.Topic) {
		group.Topics = append(group.Topics, d.Topic)
	}
	if here := (place{d.Topic, d.Partition, d.Offset}); here.compare(group.Example) < 0 {
		group.Example = here // the same one however the partitions come
	}
	return nil
}

func (p place) compare(other place) int {
	return cmp.Or(strings.Compare(p.Topic, other.Topic), cmp.Compare(p.Partition, other.Partition), cmp.Compare(p.Offset, other.Offset))
}

// ageOf is how old something is, roughly.
func ageOf(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Hour:
		return "<1h"
	case d < day:
		return "<1d"
	case d < 7*day:
		return "<7d"
	case d < 30*day:
		return "<30d"
	}
	return ">30d"
}

// sorted begins with the most frequent.
func (g *deadGroups) sorted() []deadGroup {
	rows := make([]deadGroup, 0, len(g.found))
	for _, group := range g.found {
		slices.Sort(group.Topics)
		rows = append(rows, *group)
	}
	slices.SortFunc(rows, func(a, b deadGroup) int {
		return cmp.Or(-cmp.Compare(a.Count, b.Count), strings.Compare(a.Handler, b.Handler), strings.Compare(a.Event, b.Event),
			strings.Compare(a.Kind, b.Kind), strings.Compare(a.Error, b.Error), a.Example.compare(b.Example))
	})
	return rows
}
