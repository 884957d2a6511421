package cli

import (
	"encoding/json"
	"fmt"

	"github.com/headrace/headrace/deadletter"
)

// redrivePlan is what a redrive or a discard would do.
type redrivePlan struct {
	Topic      string         `json:"topic"`
	Discard    string         `json:"discard,omitempty"` // the reason
	ToGroup    bool           `json:"to_group,omitempty"`
	Selection  string         `json:"selection,omitempty"`
	Events     int64          `json:"events"`
	Returns    []returnRow    `json:"returns"`
	Left       []leftRow      `json:"left,omitempty"`
	Partitions []redriveRange `json:"partitions"`
	Edit       *editRow       `json:"edit,omitempty"`
}

type returnRow struct {
	Topic   string `json:"topic"`
	Events  int64  `json:"events"`
	Claimed bool   `json:"claimed,omitempty"` // only headers name it, so that --target has to
}

type leftRow struct {
	Reason string `json:"reason"`
	Events int64  `json:"events"`
}

// redriveRange is what of a partition is done: so many events from the first to the last of them.
type redriveRange struct {
	Partition int32 `json:"partition"`
	First     int64 `json:"first"`
	Last      int64 `json:"last"`
	Events    int64 `json:"events"`
}

type editRow struct {
	Partition int32           `json:"partition"`
	Offset    int64           `json:"offset"`
	Event     string          `json:"event"`
	Before    json.RawMessage `json:"before"` // null when the value could not be decoded
	After     json.RawMessage `json:"after"`
}

func redrivePlanOf(plan deadletter.Redrive) redrivePlan {
	shown := redrivePlan{
		Topic: plan.Topic, Discard: plan.Discard, ToGroup: plan.ToGroup, Selection: plan.Selection, Events: plan.Events(),
		Returns: []returnRow{}, Partitions: []redriveRange{},
	}
	for _, to := range plan.Returns {
		shown.Returns = append(shown.Returns, returnRow(to))
	}
	for _, left := range plan.Left {
		shown.Left = append(shown.Left, leftRow(left))
	}
	for _, p := range plan.Partitions {
		shown.Partitions = append(shown.Partitions, redriveRange{p.Partition, p.Spans[0].From, p.Spans[len(p.Spans)-1].To - 1, p.Events})
	}
	if e := plan.Edit; e != nil {
		shown.Edit = &editRow{e.Partition, e.Offset, e.Event, e.Before, e.After}
	}
	return shown
}

// printRedrive shows the plan: which dead letters, where they go, and what stays.
func (a *app) printRedrive(plan deadletter.Redrive, out format) error {
	shown := redrivePlanOf(plan)
	if out != "table" {
		return printOne(a.Stdout, out, shown)
	}
	for _, left := range shown.Left {
		a.note("left in topic %s: %s: %s", plan.Topic, plural(left.Events), clean(left.Reason))
	}
	if shown.Events == 0 {
		return nil
	}
	err := print(a.Stdout, out, shown.Partitions, "PARTITION FIRST LAST EVENTS", func(p redriveRange) []any { return []any{p.Partition, p.First, p.Last, p.Events} })
	if err != nil || plan.Discard != "" {
		return err
	}
	fmt.Fprintln(a.Stdout)
	header := "BACK-TO EVENTS"
	if plan.ToGroup {
		header = "BY EVENTS"
	}
	for _, to := range shown.Returns {
		if to.Claimed {
			a.note("topic %s is named by headers alone, which whoever wrote the events may have set: it needs --target %s", oneLine(to.Topic), oneLine(to.Topic))
		}
	}
	if err := print(a.Stdout, out, shown.Returns, header, func(r returnRow) []any { return []any{r.Topic, r.Events} }); err != nil {
		return err
	}
	if e := shown.Edit; e != nil {
		before := string(e.Before)
		if before == "" {
			before = "what cannot be decoded"
		}
		fmt.Fprintf(a.Stdout, "\n%s, edited:\n- %s\n+ %s\n", e.Event, clean(before), clean(string(e.After)))
	}
	return nil
}
