// Package replay brings events back: so far, dead letters to the topics they came from.
//
// What changes a topic is planned first, by a function that only reads, and applied then; a plan can be shown before. Every call opens
// its own connections and closes them before it returns. All functions are safe for concurrent use.
package replay
