// Package replay brings events back: a part of a topic's history, by a [Plan] that [Make] works out and a file can hold, and dead
// letters to the topics they came from. [Copy] applies a plan whose target is a topic and goes on where it was killed, [Rewind] one
// that moves a group back; plans for handlers, and for values written anew, cannot be applied yet.
//
// What changes a topic or a group is planned first, by a function that only reads, and applied then; a plan can be shown before. Every
// call opens its own connections and closes them before it returns. All functions are safe for concurrent use.
package replay
