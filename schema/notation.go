package schema

import (
	"fmt"
	"strings"
)

// notation is a type in short, as `headrace schema new` takes it: "string?", "[]shop.Line", "map(long)", "decimal(12,2)",
// "timestamp-millis". Named types are their names.
func (n *node) notation() string {
	switch {
	case n.kind.named():
		return n.name
	case n.logical == logicalDecimal:
		return fmt.Sprintf("decimal(%d,%d)", n.precision, n.scale)
	case n.logical != logicalNone:
		return n.logical.String()
	}
	switch n.kind {
	case kindArray:
		if n.items.kind == kindUnion {
			return "[](" + n.items.notation() + ")"
		}
		return "[]" + n.items.notation()
	case kindMap:
		return "map(" + n.items.notation() + ")"
	case kindUnion:
		return n.unionNotation()
	default:
		return n.kind.String()
	}
}

func (n *node) unionNotation() string {
	if null, other, ok := n.nullable(); ok && null == 0 && other == 1 {
		return n.branches[1].notation() + "?"
	}
	texts := make([]string, len(n.branches))
	for i, branch := range n.branches {
		texts[i] = branch.notation()
	}
	return strings.Join(texts, "|")
}
