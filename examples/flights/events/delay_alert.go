package events

import "time"

// DelayAlert says that a flight arrived more than an hour late.
type DelayAlert struct {
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
	// Scheduled moment of departure.
	ScheduledDeparture time.Time `avro:"scheduled_departure"`
	// Minutes it arrived behind schedule, more than 60.
	ArrivalDelayMinutes int32 `avro:"arrival_delay_minutes"`
}

// AvroSchema is the text of schemas/DelayAlert.avsc.
func (DelayAlert) AvroSchema() string { return delayAlertSchema }

const delayAlertSchema = `{
  "type": "record",
  "name": "DelayAlert",
  "namespace": "flights",
  "doc": "A flight arrived more than an hour late.",
  "fields": [
    {"name": "carrier", "type": "string", "doc": "Two-letter IATA code of the airline."},
    {"name": "flight", "type": "int", "doc": "Flight number of the carrier."},
    {"name": "tail_number", "type": ["null", "string"], "default": null, "doc": "Registration of the aircraft, null when the source has none."},
    {"name": "origin", "type": "string", "doc": "IATA code of the airport it left."},
    {"name": "destination", "type": "string", "doc": "IATA code of the airport it reached."},
    {"name": "scheduled_departure", "type": {"type": "long", "logicalType": "timestamp-millis"}, "doc": "Scheduled moment of departure."},
    {"name": "arrival_delay_minutes", "type": "int", "doc": "Minutes it arrived behind schedule, more than 60."}
  ]
}`
