package schema

import (
	"strconv"
)

// canonicalForm writes a type in Parsing Canonical Form (Avro specification, "Transforming into Parsing Canonical Form"). With
// logical set it also writes logical types, which the form strips although they change what the bytes mean.
func canonicalForm(root *node, logical bool) string {
	c := canonicalizer{logical: logical, written: map[*node]bool{}}
	c.write(root)
	return string(c.dst)
}

type canonicalizer struct {
	dst     []byte
	logical bool
	written map[*node]bool
}

func (c *canonicalizer) write(n *node) {
	if n.kind.named() {
		if c.written[n] {
			c.quote(n.name)
			return
		}
		c.written[n] = true
	}
	switch n.kind {
	case kindRecord:
		c.text(`{"name":`).quote(n.name).text(`,"type":"record","fields":[`)
		for i := range n.fields {
			c.comma(i).text(`{"name":`).quote(n.fields[i].name).text(`,"type":`)
			c.write(n.fields[i].typ)
			c.text(`}`)
		}
		c.text(`]}`)
	case kindEnum:
		c.text(`{"name":`).quote(n.name).text(`,"type":"enum","symbols":[`)
		for i, symbol := range n.symbols {
			c.comma(i).quote(symbol)
		}
		c.text(`]}`)
	case kindFixed:
		c.text(`{"name":`).quote(n.name).text(`,"type":"fixed","size":`).text(strconv.Itoa(n.size)).logicalOf(n).text(`}`)
	case kindArray:
		c.text(`{"type":"array","items":`)
		c.write(n.items)
		c.text(`}`)
	case kindMap:
		c.text(`{"type":"map","values":`)
		c.write(n.items)
		c.text(`}`)
	case kindUnion:
		c.text(`[`)
		for i, branch := range n.branches {
			c.comma(i).write(branch)
		}
		c.text(`]`)
	default:
		if c.logical && n.logical != logicalNone {
			c.text(`{"type":`).quote(n.kind.String()).logicalOf(n).text(`}`)
			return
		}
		c.quote(n.kind.String())
	}
}

func (c *canonicalizer) logicalOf(n *node) *canonicalizer {
	if !c.logical || n.logical == logicalNone {
		return c
	}
	c.text(`,"logicalType":`).quote(n.logical.String())
	if n.logical == logicalDecimal {
		c.text(`,"precision":`).text(strconv.Itoa(n.precision)).text(`,"scale":`).text(strconv.Itoa(n.scale))
	}
	return c
}

func (c *canonicalizer) comma(i int) *canonicalizer {
	if i > 0 {
		c.text(`,`)
	}
	return c
}

// quote needs no escapes: names and symbols are letters, digits and underscores.
func (c *canonicalizer) quote(name string) *canonicalizer { return c.text(`"`).text(name).text(`"`) }

func (c *canonicalizer) text(text string) *canonicalizer {
	c.dst = append(c.dst, text...)
	return c
}
