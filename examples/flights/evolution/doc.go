// Package evolution is how FlightArrived becomes another version while the pipeline runs.
//
// Version 1 is what the schemas folder has and package events was generated from. version2 adds the field gate, with a default, and
// renames tail_number to registration, with the old name as an alias. Old and new workers read old and new events alike, in any order
// of deployment; what an alias cannot do is give the old worker the value under its old name: it gets that field's default.
//
// version3 is a mistake that three gates hold up, each with the field and the reason: it changes a type and adds fields without
// defaults.
//
//	headrace schema check version3 --against version2 --level FULL      before a commit
//	headrace schema register version3/FlightArrived.avsc --subject …    before a deployment of the schema
//	headrace schema scan flights --reader version3                      before a deployment of the worker, or a replay
package evolution

//go:generate go run github.com/headrace/headrace/cmd/headrace schema gen version2 --out version2 --package version2
