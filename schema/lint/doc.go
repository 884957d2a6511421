// Package lint finds what is valid Avro and will be regretted: names nobody can generate code from, fields that cannot be removed,
// money in floating point, enums that cannot grow.
//
// Each rule has an id, a category, a reason, and an example of what it refuses and what it takes; [Rules] lists them. A finding is let
// pass by the project's [Config], or in the schema itself, by a property of the type or field it is about or of one around it:
//
//	{"name": "price", "type": "double", "headrace.lint.ignore": ["MONEY_DECIMAL"]}
package lint
