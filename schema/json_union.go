package schema

// jsonForms is the set of JSON kinds that FromJSON may read as a type.
type jsonForms uint8

const (
	formNull jsonForms = 1 << iota
	formBool
	formNumber
	formString
	formArray
	formObject
)

var formOfKind = [...]jsonForms{
	jsonNull: formNull, jsonBool: formBool, jsonNumber: formNumber, jsonString: formString, jsonArray: formArray, jsonObject: formObject,
}

// forms lists the JSON kinds of a type's values. A float's "NaN" is left out: within a union it is always named.
func (n *node) forms() jsonForms {
	switch {
	case n.logical.temporal() || n.logical == logicalDecimal:
		return formNumber | formString
	case n.kind == kindNull:
		return formNull
	case n.kind == kindBoolean:
		return formBool
	case n.kind >= kindInt && n.kind <= kindDouble:
		return formNumber
	case n.kind == kindArray:
		return formArray
	case n.kind == kindRecord || n.kind == kindMap:
		return formObject
	default:
		return formString
	}
}

// bare reports whether a value of branch i may stand in JSON without the branch's name: no other branch is read from the same
// kind of JSON, and it cannot be taken for a named value itself.
func (n *node) bare(i int) bool {
	branch := n.branches[i]
	for f, takers := range n.takers {
		if branch.forms()&(1<<f) != 0 && takers > 1 {
			return false
		}
	}
	return branch.kind != kindRecord || len(branch.fields) != 1 || n.branchNamed(branch.fields[0].name) < 0
}

// branchNamed finds a branch by the name the JSON encoding gives it.
func (n *node) branchNamed(name string) int {
	if i, ok := n.named[name]; ok && n.branches[i].kind != kindNull {
		return i
	}
	return -1
}
