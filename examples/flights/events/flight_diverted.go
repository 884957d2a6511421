package events

import "time"

// FlightDiverted says that a flight left, and landed somewhere else or turned back.
type FlightDiverted struct {
	// Two-letter IATA code of the airline.
	Carrier string `avro:"carrier"`
	// Flight number of the carrier.
	Flight int32 `avro:"flight"`
	// Registration of the aircraft, null when the source has none.
	TailNumber *string `avro:"tail_number"`
	// IATA code of the airport it left.
	Origin string `avro:"origin"`
	// IATA code of the airport it was to reach.
	Destination string `avro:"destination"`
	// Scheduled day of departure, local to the origin.
	Date time.Time `avro:"date"`
	// Scheduled moment of departure.
	ScheduledDeparture time.Time `avro:"scheduled_departure"`
	// Minutes it left behind schedule, negative when early.
	DepartureDelayMinutes int32 `avro:"departure_delay_minutes"`
	// Time it reached the destination in the end, local to it, null when unknown.
	Arrival *time.Duration `avro:"arrival"`
}

// AvroSchema is the text of schemas/FlightDiverted.avsc.
func (FlightDiverted) AvroSchema() string { return flightDivertedSchema }

const flightDivertedSchema = `{
  "type": "record",
  "name": "FlightDiverted",
  "namespace": "flights",
  "doc": "A flight left, and landed somewhere else or turned back.",
  "fields": [
    {"name": "carrier", "type": "string", "doc": "Two-letter IATA code of the airline."},
    {"name": "flight", "type": "int", "doc": "Flight number of the carrier."},
    {"name": "tail_number", "type": ["null", "string"], "default": null, "doc": "Registration of the aircraft, null when the source has none."},
    {"name": "origin", "type": "string", "doc": "IATA code of the airport it left."},
    {"name": "destination", "type": "string", "doc": "IATA code of the airport it was to reach."},
    {"name": "date", "type": {"type": "int", "logicalType": "date"}, "doc": "Scheduled day of departure, local to the origin."},
    {"name": "scheduled_departure", "type": {"type": "long", "logicalType": "timestamp-millis"}, "doc": "Scheduled moment of departure."},
    {"name": "departure_delay_minutes", "type": "int", "doc": "Minutes it left behind schedule, negative when early."},
    {"name": "arrival", "type": ["null", {"type": "int", "logicalType": "time-millis"}], "default": null, "doc": "Time it reached the destination in the end, local to it, null when unknown."}
  ]
}`
