package schema_test

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/headrace/headrace/schema"
)

func ExampleSample() {
	s, err := schema.Parse(`{"type":"record","name":"Paid","namespace":"shop","fields":[
		{"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
		{"name":"note","type":["null","string"],"default":null}]}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	random := rand.New(rand.NewPCG(6, 0))
	for range 2 {
		body, err := schema.Sample(s, random)
		if err != nil {
			fmt.Println(err)
			return
		}
		bare, err := schema.ToJSON(s, body)
		if err != nil {
			fmt.Println(err)
			return
		}
		tagged, err := schema.ToTaggedJSON(s, body)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s\n%s\n", bare, tagged)
	}
	// Output:
	// {"amount":"705.03","note":"garnet umber ember"}
	// {"amount":"705.03","note":{"string":"garnet umber ember"}}
	// {"amount":"4498.71","note":null}
	// {"amount":"4498.71","note":null}
}

// A service that starts, and goes on, while its registry is down.
func ExampleWithSnapshot() {
	registry, err := schema.NewRegistry("http://localhost:8081", schema.WithSnapshot("/var/lib/delays/registry.snapshot"))
	if err != nil {
		fmt.Println(err) // a *schema.SnapshotError: the file is damaged, or another registry's
		return
	}
	defer registry.Close()
	if state := registry.Snapshot(); state.Err != nil {
		fmt.Println(state.Err) // it could not be written: the next start may have to wait for the registry
	}
}

// A plan is looked at before it is carried out.
func ExampleRegistry_Plan() {
	registry, err := schema.NewRegistry("http://localhost:8081")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer registry.Close()
	folder, err := schema.ReadFolder([]string{"schemas"})
	if err != nil {
		fmt.Println(err)
		return
	}
	var wanted []schema.Registration
	for _, file := range folder.Files {
		subject := schema.TopicRecordName("orders", file.Schema.FullName())
		wanted = append(wanted, schema.Registration{Subject: subject, Schema: file.Schema, Level: schema.BackwardTransitive})
	}
	plan, err := registry.Plan(context.Background(), wanted...)
	if err != nil {
		fmt.Println(err)
		return
	}
	if bad := plan.Incompatible(); bad != nil {
		fmt.Println(bad.Subject, bad.Reasons)
		return
	}
	if _, err := registry.Apply(context.Background(), plan); err != nil {
		fmt.Println(err)
	}
}
