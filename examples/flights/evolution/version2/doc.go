// Package version2 holds FlightArrived as new workers have it.
package version2
