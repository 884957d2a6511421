package schema

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// isName holds a name, or each part of a full name, to the specification, "Names": a letter or underscore, then those and digits.
func isName(name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		if part == "" {
			return false
		}
		for i := range len(part) {
			c := part[i]
			letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
			if !letter && (i == 0 || c < '0' || c > '9') {
				return false
			}
		}
	}
	return true
}

const nameRule = "a name begins with a letter or _ and goes on with those and digits"

func checkName(name, at string) error {
	if isName(name) {
		return nil
	}
	return &InvalidSchemaError{Path: at, Reason: fmt.Sprintf("invalid name %q", clip(name)), Hint: nameRule}
}

// checkFieldName looks at one name of a record; seen are those before it.
func checkFieldName(record *node, name, at string, seen map[string]string) error {
	if !isName(name) || strings.Contains(name, ".") {
		return &InvalidSchemaError{Path: at + "/name", Reason: fmt.Sprintf("invalid name %q", clip(name)), Hint: nameRule}
	}
	if first, twice := seen[name]; twice {
		return &InvalidSchemaError{
			Path: at, Reason: fmt.Sprintf("duplicate field %s: record %s has one already, at %s", name, record.name, first),
			Hint: "rename or remove one of them",
		}
	}
	seen[name] = at
	return nil
}

// checkSymbols holds an enum to the specification, "Enums": symbols are names, each once, and the default is one of them.
func checkSymbols(n *node, v *jsonValue, at string) error {
	list, ok := v.member("symbols")
	if !ok || list.kind != jsonArray || len(list.items) == 0 {
		return invalid(at, "enum %s needs an array of symbols, at least one", n.name)
	}
	seen := make(map[string]bool, len(list.items))
	for i, symbol := range list.items {
		place := at + "/symbols/" + strconv.Itoa(i)
		switch {
		case symbol.kind != jsonString || !isName(symbol.text) || strings.Contains(symbol.text, "."):
			return &InvalidSchemaError{Path: place, Reason: fmt.Sprintf("invalid symbol %q of enum %s", clip(symbol.text), n.name), Hint: nameRule}
		case seen[symbol.text]:
			return &InvalidSchemaError{Path: place, Reason: fmt.Sprintf("duplicate symbol %s of enum %s", symbol.text, n.name), Hint: "remove one of them"}
		}
		seen[symbol.text] = true
	}
	if n.enumDefault != "" && !seen[n.enumDefault] {
		n.mistake = &InvalidSchemaError{
			Path: at + "/default", Reason: fmt.Sprintf("the default %q is none of the symbols of enum %s", clip(n.enumDefault), n.name),
			Hint: "make it one of " + clip(strings.Join(n.symbols, ", ")),
		}
		n.enumDefault = ""
	}
	return nil
}

// meant says which of the names somebody may have meant, or how a logical type is written; "" when nothing is near.
func meant(name string, known []string) string {
	if home, ok := logicalHomes[name]; ok {
		return fmt.Sprintf(`%s is a logical type: write {"type": %q, "logicalType": %q, ...}`, name, home.kinds[0], name)
	}
	for k := range primitives {
		known = append(known, k)
	}
	slices.Sort(known)
	near, best := "", 3 // more than two letters off is another name
	for _, k := range known {
		distance := editDistance(strings.ToLower(unqualified(name)), strings.ToLower(unqualified(k)), best)
		if distance < best {
			near, best = k, distance
		}
	}
	return cmp.Or(prefixed("did you mean ", near, "?"), "define it, or name the file that does")
}

func prefixed(before, text, after string) string {
	if text == "" {
		return ""
	}
	return before + text + after
}

// editDistance counts the letters to change, add or remove between a and b, and stops at limit.
func editDistance(a, b string, limit int) int {
	if max(len(a)-len(b), len(b)-len(a)) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return min(row[len(b)], limit)
}
