package lint

import (
	"slices"

	"github.com/headrace/headrace/schema"
)

// The categories of rules. Their names stand for all their rules in a [Config].
const (
	Naming    = "NAMING"    // names that code and people can rely on
	Docs      = "DOCS"      // what a reader needs to be told
	Evolution = "EVOLUTION" // what keeps the next version possible
	Types     = "TYPES"     // types that mean what they hold
	Size      = "SIZE"      // what still fits a head and a message
	Ignores   = "IGNORES"   // the ignore properties themselves
)

// Rule is one thing that is looked for.
type Rule struct {
	ID       string
	Category string
	// Wants says in one sentence what holds where the rule is kept.
	Wants string
	// Because says what happens where it is not.
	Because string
	// Bad has exactly one finding, this rule's; Good has none.
	Bad, Good schema.Source

	look func(*report)
}

// Rules returns all rules, by category.
func Rules() []Rule {
	return slices.Concat(naming(), docs(), evolution(), types(), size(), ignores())
}

// example is the one file of an example.
func example(text string) schema.Source { return schema.Source{Path: "example.avsc", Text: text} }
