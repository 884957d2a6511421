// Package progress is what a group remembers of a partition beside the committed offset: which offsets beyond it are done, and which
// events were in the hands of handlers, in case the worker dies. It lies in the metadata of the offset commit, so that it needs no
// storage of its own, moves to the partition's next owner whatever the reason, and goes when a tool resets the offset. The package is
// pure: it decides and translates, and talks to nobody.
//
// # Format
//
// Metadata is ASCII text: "hr1:", then a payload in base64 (RFC 4648 §5, without padding). The payload is
//
//	byte 0     flags: 1 there is a mark, 2 working, 4 alone, 8 runs, 16 bitmap, 32 deflated, 64 the topic is named; the last bit is zero
//	bytes 1-4  CRC-32C, big-endian, of: the topic's id (16 bytes, zero where brokers have none), the partition (4 bytes, big-endian),
//	           the committed offset (8 bytes, big-endian), the flags, and all that follows
//	then       with flag 64: the topic's id (16 bytes); CRC-32C, big-endian, of the cluster's id; a number, how many partitions the topic had
//	           when the group began in this one, 0 where that is not known
//	then       with flag 1, three numbers: From, less the committed offset; Reach, less From; Deaths
//	then       the done offsets, if there are any beyond the prefix, in one of two forms, deflated (RFC 1951) where that is shorter
//
// Numbers are unsigned varints of base 128, the lowest group first, below 2^63. The form "runs" is pairs of numbers: how many offsets
// are not done, from the committed one on, and how many are done then, each less one; and so forth. The form "bitmap" is a bit for each
// offset above the committed one, which itself is never done, the lowest bit of the first byte first. The shorter form is taken. Before
// compression a form has 32 KiB at most. Nothing to say, of a topic without an id, is empty metadata, as other clients write it.
//
// A mark may have fields behind it, which begin where the compressed form ends: it is compressed always then, be it empty. Each field is a
// byte that names it, a byte with the length of its value, and the value. Fields that are not known are passed over; versions that know of
// no fields do not look for any.
//
//	1  Owner, 8 bytes, big-endian
//	2  Gone, 8 bytes each
//	3  End, less Reach, as a varint
//	4  Charged, without a value
//
// Whoever finds another prefix, or a checksum that does not fit, takes none of it. The checksum binds metadata to its log and offset:
// mirroring tools commit the metadata of one cluster with the offsets of another, where it would skip events that nobody has handled.
//
// Kafka keeps offsets by the topic's name. Metadata that names another topic id, of this cluster, says that the offset beside it was
// committed in a topic that has been deleted since: it means nothing in the topic that has the name now (see [OtherTopicError]).
//
// # Deaths
//
// An event that kills its process must not do so for ever; but which of those in hand was it? Writing each hand-over down before it is
// made would cost a commit per event. Instead the mark of each commit says "working", and sets the reach ahead of what is handed over, by
// what three commit intervals will need (see [Pace]): an event is handed over only below a reach that is committed, so the healthy path
// never waits. An orderly end commits a mark without "working".
//
// Who takes over a partition whose mark says "working" knows that its owner died, and that what may have been in hand lies between
// From and Reach and is not done: these events are suspects, and this is one death more for them. They are handed over again in at most 64
// turns (see [Suspicion]), each committed with its own From, Reach and Deaths before it begins, and begun when the one before has
// ended. So up to 64 suspects run one at a time; of more, each turn is a group. Should the worker die again, the mark names the turn, so
// that each death leaves a 64th of the suspects: one of 4,096 is alone at the third death, one of 262,144, the widest reach, at the fourth.
// From the second death on, a turn of one event is alone in the whole worker, as far as suspects go, so that it is not charged with the
// doing of a suspect in another partition; only an event that was in hand alone can be out of attempts for its deaths. When all
// suspects have had their turn, suspicion is over and the pace is as before.
//
// So a worker that was killed for no event's fault costs its successor 64 commits at most, and some concurrency while they last.
//
// # Outages
//
// A worker that lost the partition without dying, because its session expired in an outage, has left the same mark, and can write no other.
// So each worker has a number, drawn when it starts, which it writes beside its marks and says to the group whenever it joins. Who finds the
// mark of a worker that is in the group, or of itself, knows that nobody died, and suspects no more than before (see [Note.Spare]). A worker
// that is not in the group is taken for dead, but not for good: the mark names those whose ends it counts, and whoever finds it, or is about
// to charge an event, looks for them again. So as long as workers that lose their session come back, outages are never counted, whatever
// their number. What cannot be told from a death is the end of a worker that is cut off from the brokers when the event is charged, or that
// was stopped while nothing could be committed. An event is charged only when that befell as many workers as its policy has attempts, in a
// row, each with the event in hand, and the last one with it alone.
package progress
