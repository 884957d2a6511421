package lint

import "github.com/headrace/headrace/schema"

// circles numbers the records of a file so that two have the same number when each always holds the other, by Tarjan's algorithm for
// strongly connected components: once over all fields, however many records there are.
type circles struct {
	definitions map[string]*schema.Type
	order, low  map[string]int // when a record was come to, and the first one that it leads back to
	open        []string       // those whose circle is not known yet
	number      map[string]int
}

func (r *report) circles() *circles {
	c := &circles{definitions: map[string]*schema.Type{}, order: map[string]int{}, low: map[string]int{}, number: map[string]int{}}
	r.defined(func(t *schema.Type) {
		if t.Is == "record" {
			c.definitions[t.Name] = t
		}
	})
	r.defined(func(t *schema.Type) {
		if t.Is == "record" && c.order[t.Name] == 0 {
			c.visit(t)
		}
	})
	return c
}

func (c *circles) visit(record *schema.Type) {
	name := record.Name
	c.order[name] = len(c.order) + 1
	c.low[name] = c.order[name]
	begin := len(c.open)
	c.open = append(c.open, name)
	for i := range record.Fields {
		held := c.held(&record.Fields[i])
		if held == nil {
			continue
		}
		if c.order[held.Name] == 0 {
			c.visit(held)
		}
		if c.number[held.Name] == 0 {
			c.low[name] = min(c.low[name], c.low[held.Name])
		}
	}
	if c.low[name] == c.order[name] {
		for _, member := range c.open[begin:] {
			c.number[member] = c.order[name]
		}
		c.open = c.open[:begin]
	}
}

// held is the record that every value of a field has within it, nil when there is none, or it is another file's, which cannot lead back.
func (c *circles) held(f *schema.Field) *schema.Type {
	t := f.Type
	if t.Is == "union" && len(t.Branches) == 1 {
		t = t.Branches[0]
	}
	if t.Is != "record" {
		return nil
	}
	return c.definitions[t.Name]
}

// endless returns the field by which a record always holds another of itself, nil when there is none.
func (c *circles) endless(record *schema.Type) *schema.Field {
	for i := range record.Fields {
		if held := c.held(&record.Fields[i]); held != nil && c.number[held.Name] == c.number[record.Name] {
			return &record.Fields[i]
		}
	}
	return nil
}
