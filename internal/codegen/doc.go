// Package codegen writes Go event types and their codecs from Avro schemas.
//
// Each record becomes a struct with AvroSchema, an encoder that appends to a
// byte slice and a decoder that is strict and bounded; enums become string
// types with constants, fixed types byte arrays, unions of several types sealed
// interfaces. The code imports the standard library and schema/codec alone, and
// where a [Layout] places namespaces in packages of their own, those.
package codegen
