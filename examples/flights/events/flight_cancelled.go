package events

import "time"

// FlightCancelled says that a scheduled flight never left.
type FlightCancelled struct {
	// Two-letter IATA code of the airline.
	Carrier string `avro:"carrier"`
	// Flight number of the carrier.
	Flight int32 `avro:"flight"`
	// Registration of the aircraft, null when none was assigned.
	TailNumber *string `avro:"tail_number"`
	// IATA code of the airport it was to leave.
	Origin string `avro:"origin"`
	// IATA code of the airport it was to reach.
	Destination string `avro:"destination"`
	// Scheduled day of departure, local to the origin.
	Date time.Time `avro:"date"`
	// Scheduled moment of departure.
	ScheduledDeparture time.Time `avro:"scheduled_departure"`
}

// AvroSchema is the text of schemas/FlightCancelled.avsc.
func (FlightCancelled) AvroSchema() string { return flightCancelledSchema }

const flightCancelledSchema = `{
  "type": "record",
  "name": "FlightCancelled",
  "namespace": "flights",
  "doc": "A scheduled flight never left.",
  "fields": [
    {"name": "carrier", "type": "string", "doc": "Two-letter IATA code of the airline."},
    {"name": "flight", "type": "int", "doc": "Flight number of the carrier."},
    {"name": "tail_number", "type": ["null", "string"], "default": null, "doc": "Registration of the aircraft, null when none was assigned."},
    {"name": "origin", "type": "string", "doc": "IATA code of the airport it was to leave."},
    {"name": "destination", "type": "string", "doc": "IATA code of the airport it was to reach."},
    {"name": "date", "type": {"type": "int", "logicalType": "date"}, "doc": "Scheduled day of departure, local to the origin."},
    {"name": "scheduled_departure", "type": {"type": "long", "logicalType": "timestamp-millis"}, "doc": "Scheduled moment of departure."}
  ]
}`
