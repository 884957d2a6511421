// Package replay brings a part of a topic's history back, by a [Plan] that [Make] works out and a file can hold. [Copy] applies a plan whose target is a topic, [Run] one for the handlers of this process; both
// go on where they were killed. [Rewind] moves a group back.
//
// What changes a topic or a group is planned first, by a function that only reads, and applied then; a plan can be shown before. Every
// call opens its own connections and closes them before it returns. All functions are safe for concurrent use.
package replay
