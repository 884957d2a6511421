// Package avroname knows the rules of Avro's names.
package avroname

import (
	"slices"
	"strings"
)

// Rule says what a name is made of.
const Rule = "a name begins with a letter or _ and goes on with those and digits"

// Valid holds a name, or each part of a full name, to the specification, "Names": a letter or underscore, then those and digits.
func Valid(name string) bool {
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

// Full is a name in a namespace; one with dots has a namespace already.
func Full(name, namespace string) string {
	if namespace == "" || strings.Contains(name, ".") {
		return name
	}
	return namespace + "." + name
}

// Unqualified is a full name without its namespace.
func Unqualified(fullName string) string { return fullName[strings.LastIndexByte(fullName, '.')+1:] }

// Primitives are the types that need no definition.
func Primitives() []string {
	return []string{"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
}

// Suggest says which of the known names and the primitive types somebody may have meant, or that none is near.
func Suggest(name string, known []string) string {
	known = slices.Concat(known, Primitives())
	slices.Sort(known)
	near, best := "", 3 // more than two letters off is another name
	for _, k := range known {
		distance := editDistance(strings.ToLower(Unqualified(name)), strings.ToLower(Unqualified(k)), best)
		if distance < best {
			near, best = k, distance
		}
	}
	if near == "" {
		return "define it, or name the file that does"
	}
	return "did you mean " + near + "?"
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
		// What is limit or more letters off cannot come back.
		from := max(0, i-limit)
		diagonal := row[from]
		row[from] = min(i+1, limit)
		for j := from; j < min(len(b), i+limit); j++ {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return min(row[len(b)], limit)
}
