package kraft_test

import (
	"testing"

	"github.com/headrace/headrace/systemtest/internal/kraft"
)

func TestThreeNodesSurviveAKill(t *testing.T) {
	c := kraft.Start(t, kraft.Config{Nodes: 3})
	c.Node(2).Kill()
	c.Node(2).Start(t)
	brokers, err := c.Admin.ListBrokers(t.Context())
	if err != nil || len(brokers) != 3 {
		t.Fatalf("brokers after the restart: %v, %v; want 3", brokers, err)
	}
}
