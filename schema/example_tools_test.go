package schema_test

import (
	"fmt"

	"github.com/headrace/headrace/schema"
)

func ExampleToTaggedJSON() {
	s, err := schema.Parse(`{"type":"record","name":"Paid","namespace":"shop","fields":[
		{"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
		{"name":"note","type":["null","string"],"default":null}]}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{`{"amount":"705.03","note":"a gift"}`, `{"amount":"4498.71"}`} {
		body, err := schema.FromJSON(s, []byte(text))
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
	// {"amount":"705.03","note":"a gift"}
	// {"amount":"705.03","note":{"string":"a gift"}}
	// {"amount":"4498.71","note":null}
	// {"amount":"4498.71","note":null}
}
