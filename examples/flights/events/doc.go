// Package events holds the events of the flights pipeline, one type for each schema in the schemas folder beside it.
//
// FlightArrived, FlightCancelled and FlightDiverted travel on the topic flights, DelayAlert on the topic alerts.
//
// They are generated; after a change of a schema, make generate writes them again.
package events

//go:generate go run github.com/headrace/headrace/cmd/headrace schema gen ../schemas
