package consumer

import (
	"fmt"

	"github.com/headrace/headrace"
)

// CrashError says that the worker stopped at an event because the process of the worker before died with this event alone in hand,
// after a row of deaths that it had a part in: as many as its policy has attempts. The event is handed over once more, alone, when the
// worker is started again.
type CrashError struct {
	headrace.Location
	Event  string // full name of the event's schema
	Deaths int
}

func (e *CrashError) Error() string {
	return fmt.Sprintf("%s at %s: %d processes in a row died with it in hand, the last with it alone; the event is not acknowledged: "+
		"fix what kills them and start the worker again, or set Policy.DeadLetter", eventName(e.Event), e.Location, e.Deaths)
}

// failForDeaths gives up an event that is out of attempts because of the processes that died with it.
func (p *partition) failForDeaths(t *task) {
	p.limits.mu.Lock()
	deaths, died := p.limits.suspicion.Attempts(t.record.Offset), p.limits.suspicion.Died()
	p.limits.mu.Unlock()
	policy := t.policy()
	if t.failure != nil || deaths < policy.Attempts || !policy.DeadLetter && !died {
		return
	}
	t.failure = &failure{
		kind: kindCrash, event: t.event(), attempts: t.spent.attempts,
		reason: fmt.Errorf("%d processes in a row died with this event in hand, the last with it alone", deaths),
		err:    &CrashError{Location: t.at(), Event: t.event(), Deaths: deaths},
	}
}
