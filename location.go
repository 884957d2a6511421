package headrace

import "fmt"

// Location is where an event lies. Its zero value is nowhere, but for a topic without a name.
type Location struct {
	Topic     string
	Partition int32
	Offset    int64
}

// String returns the location as errors and logs name it: "topic orders partition 3 offset 47".
func (l Location) String() string {
	return fmt.Sprintf("topic %s partition %d offset %d", l.Topic, l.Partition, l.Offset)
}
