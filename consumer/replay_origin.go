package consumer

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/headrace/headrace"
)

// HeaderOrigin is the header in which a handler's output may carry the [Info.Origin] of the event that it was made from, so that a
// shadow run can be held against production event by event: producer.WithHeader(consumer.HeaderOrigin, []byte(info.Origin())).
const HeaderOrigin = "origin"

// Origin names the event by its place, as text: topic/partition/offset. [ParseOrigin] reads it.
func (i Info) Origin() string {
	return i.Topic + "/" + strconv.Itoa(int(i.Partition)) + "/" + strconv.FormatInt(i.Offset, 10)
}

// ParseOrigin reads what [Info.Origin] returns.
func ParseOrigin(text string) (headrace.Location, error) {
	topic, rest, _ := strings.Cut(text, "/")
	first, second, _ := strings.Cut(rest, "/")
	partition, err1 := strconv.ParseInt(first, 10, 32)
	offset, err2 := strconv.ParseInt(second, 10, 64)
	at := headrace.Location{Topic: topic, Partition: int32(partition), Offset: offset}
	if topic == "" || err1 != nil || err2 != nil || partition < 0 || offset < 0 {
		return headrace.Location{}, fmt.Errorf("origin %.300q is not topic/partition/offset", text)
	}
	return at, nil
}
