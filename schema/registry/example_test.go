package registry_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// A service that starts, and goes on, while its registry is down.
func ExampleWithSnapshot() {
	reg, err := registry.FromEnv(registry.WithSnapshot(filepath.Join(os.Getenv("STATE_DIRECTORY"), "registry.snapshot")))
	if err != nil {
		fmt.Println(err) // a *registry.SnapshotError: the file is damaged, or another registry's
		return
	}
	defer reg.Close()
	if state := reg.Snapshot(); state.Err != nil {
		fmt.Println(state.Err) // it could not be written: the next start may have to wait for the registry
	}
	if _, err := reg.Latest(context.Background(), "orders-shop.OrderPaid"); err != nil {
		fmt.Println(err) // neither the registry nor the file could answer
	}
}

// A plan is looked at before it is carried out.
func ExampleClient_Plan() {
	reg, err := registry.FromEnv()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reg.Close()
	folder, err := schema.ReadFolder(os.DirFS("."), []string{"schemas"})
	if err != nil {
		fmt.Println(err)
		return
	}
	var wanted []registry.Registration
	for _, file := range folder.Files {
		subject := schema.TopicRecordName("orders", file.Schema.FullName())
		wanted = append(wanted, registry.Registration{Subject: subject, Schema: file.Schema, Level: schema.BackwardTransitive})
	}
	plan, err := reg.Plan(context.Background(), wanted...)
	if err != nil {
		fmt.Println(err)
		return
	}
	if bad := plan.Incompatible(); bad != nil {
		fmt.Println(bad.Subject, bad.Reasons)
		return
	}
	registered, err := reg.Apply(context.Background(), plan)
	if err != nil {
		fmt.Println(err)
	}
	for _, r := range registered {
		fmt.Println(r.Subject, "has id", r.ID)
	}
}
