package topics

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headrace/headrace/internal/kafka"
)

// brokenHearsayLimit is hearsayLimit after a failure.
const brokenHearsayLimit = 3 * time.Second

// settle waits until every broker knows what has been changed, so that whoever looks next, a client or another plan, sees it.
func (a *application) settle(ctx context.Context) error {
	var made []int
	for i, r := range a.results {
		if r.Status == Done && r.Change.Topic != "" {
			made = append(made, i)
		}
	}
	if len(made) == 0 {
		return nil
	}
	limit := hearsayLimit
	if len(a.broken) > 0 {
		limit = brokenHearsayLimit // a broker that has gone hears of nothing
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, node := range a.world.Brokers {
		if err := a.heard(limited, node.ID, made); err != nil {
			return fmt.Errorf("the changes are made, but it is not certain that broker %d knows of them: %w", node.ID, err)
		}
	}
	return nil
}

var errNotHeard = errors.New("it has not heard of them")

func (a *application) heard(ctx context.Context, node int32, made []int) error {
	var last error
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		world, err := a.observe(ctx, node)
		if err == nil {
			all := true
			for _, i := range made {
				state, _ := a.plan.Changes[i].state(world)
				all = all && state == asWanted
			}
			if all {
				return nil
			}
			last = errNotHeard
		} else {
			last = err
			if !kafka.Retriable(err) && ctx.Err() == nil {
				return err
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return last
		}
	}
}
