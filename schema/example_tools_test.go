package schema_test

import (
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
