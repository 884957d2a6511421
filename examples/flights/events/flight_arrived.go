package events

import "time"

// FlightArrived says that a flight reached its destination.
type FlightArrived struct {
	// Two-letter IATA code of the airline.
	Carrier string `avro:"carrier"`
	// Flight number of the carrier.
	Flight int32 `avro:"flight"`
	// Registration of the aircraft, null when the source has none.
	TailNumber *string `avro:"tail_number"`
	// IATA code of the airport it left.
	Origin string `avro:"origin"`
	// IATA code of the airport it reached.
	Destination string `avro:"destination"`
	// Distance between the airports in miles.
	DistanceMiles int32 `avro:"distance_miles"`
	// Scheduled day of departure, local to the origin.
	Date time.Time `avro:"date"`
	// Scheduled moment of departure.
	ScheduledDeparture time.Time `avro:"scheduled_departure"`
	// Minutes it left behind schedule, negative when early.
	DepartureDelayMinutes int32 `avro:"departure_delay_minutes"`
	// Scheduled time of arrival, local to the destination.
	ScheduledArrival time.Duration `avro:"scheduled_arrival"`
	// Time of arrival, local to the destination.
	Arrival time.Duration `avro:"arrival"`
	// Minutes it arrived behind schedule, negative when early.
	ArrivalDelayMinutes int32 `avro:"arrival_delay_minutes"`
	// Minutes in the air.
	AirTimeMinutes int32 `avro:"air_time_minutes"`
}

// AvroSchema is the text of schemas/FlightArrived.avsc.
func (FlightArrived) AvroSchema() string { return flightArrivedSchema }

const flightArrivedSchema = `{
  "type": "record",
  "name": "FlightArrived",
  "namespace": "flights",
  "doc": "A flight reached its destination.",
  "fields": [
    {"name": "carrier", "type": "string", "doc": "Two-letter IATA code of the airline."},
    {"name": "flight", "type": "int", "doc": "Flight number of the carrier."},
    {"name": "tail_number", "type": ["null", "string"], "default": null, "doc": "Registration of the aircraft, null when the source has none."},
    {"name": "origin", "type": "string", "doc": "IATA code of the airport it left."},
    {"name": "destination", "type": "string", "doc": "IATA code of the airport it reached."},
    {"name": "distance_miles", "type": "int", "doc": "Distance between the airports in miles."},
    {"name": "date", "type": {"type": "int", "logicalType": "date"}, "doc": "Scheduled day of departure, local to the origin."},
    {"name": "scheduled_departure", "type": {"type": "long", "logicalType": "timestamp-millis"}, "doc": "Scheduled moment of departure."},
    {"name": "departure_delay_minutes", "type": "int", "doc": "Minutes it left behind schedule, negative when early."},
    {"name": "scheduled_arrival", "type": {"type": "int", "logicalType": "time-millis"}, "doc": "Scheduled time of arrival, local to the destination."},
    {"name": "arrival", "type": {"type": "int", "logicalType": "time-millis"}, "doc": "Time of arrival, local to the destination."},
    {"name": "arrival_delay_minutes", "type": "int", "doc": "Minutes it arrived behind schedule, negative when early."},
    {"name": "air_time_minutes", "type": "int", "doc": "Minutes in the air."}
  ]
}`
