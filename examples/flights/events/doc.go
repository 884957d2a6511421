// Package events holds the events of the flights pipeline, one type for each schema in the schemas folder beside it.
//
// FlightArrived, FlightCancelled and FlightDiverted travel on the topic flights, DelayAlert on the topic alerts.
package events
