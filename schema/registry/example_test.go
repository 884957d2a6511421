package registry_test

import (
	"context"
	"fmt"
	"os"

	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// A service that starts, and goes on, while its registry is down.
func ExampleWithSnapshot() {
	reg, err := registry.New("http://localhost:8081", registry.WithSnapshot("/var/lib/delays/registry.snapshot"))
	if err != nil {
		fmt.Println(err) // a *registry.SnapshotError: the file is damaged, or another registry's
		return
	}
	defer reg.Close()
	if state := reg.Snapshot(); state.Err != nil {
		fmt.Println(state.Err) // it could not be written: the next start may have to wait for the registry
	}
}

// A plan is looked at before it is carried out.
func ExampleClient_Plan() {
	reg, err := registry.New("http://localhost:8081")
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
	if _, err := reg.Apply(context.Background(), plan); err != nil {
		fmt.Println(err)
	}
}
