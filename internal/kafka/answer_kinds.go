package kafka

import (
	"reflect"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// walk goes past an answer, whose fields are those of Kafka's <name>Response.json, and reports whether it knows the kind.
// Which versions it has to know, ours says.
func (a *answer) walk(key kmsg.Key) bool {
	switch key {
	case kmsg.Produce:
		a.produce()
		return true
	case kmsg.Fetch: // as it closes a session; fetched records have a parser of their own
		a.fetch()
		return true
	case kmsg.ApiVersions:
		a.apiVersions()
		return true
	case kmsg.SASLHandshake:
		a.skip(2)
		array[string](a, a.text)
	case kmsg.SASLAuthenticate:
		a.skip(2)
		a.text()
		a.bytes(a.compact)
		a.since(1, 8)
	case kmsg.ListOffsets:
		a.skip(4)
		array[kmsg.ListOffsetsResponseTopic](a, func() {
			a.text()
			array[kmsg.ListOffsetsResponseTopicPartition](a, func() { a.skip(4 + 2 + 8 + 8 + 4) })
		})
	case kmsg.Metadata:
		a.metadata()
	case kmsg.FindCoordinator:
		a.findCoordinator()
	case kmsg.InitProducerID:
		a.skip(4 + 2 + 8 + 2)
	default:
		if !a.walkGroup(key) && !a.walkTransaction(key) && !a.walkAdmin(key) {
			return false
		}
	}
	a.tags(nil)
	return true
}

func (a *answer) produce() {
	array[kmsg.ProduceResponseTopic](a, func() {
		a.text()
		tagged(a, func() {
			a.skip(4 + 2 + 8 + 8 + 8)
			if a.version >= 8 {
				array[kmsg.ProduceResponseTopicPartitionErrorRecord](a, func() { a.skip(4); a.text() })
				a.text()
			}
			a.tags(func(tag uint32) {
				if tag == 0 { // the current leader
					a.skip(4 + 4)
					a.tags(nil)
				}
			})
		}, sizeOf[kmsg.ProduceResponseTopicPartition]())
	})
	a.skip(4)
	a.tags(func(tag uint32) {
		if tag == 0 {
			array[kmsg.ProduceResponseBroker](a, a.node)
		}
	})
}

func (a *answer) fetch() {
	a.skip(4 + 2 + 4)
	array[kmsg.FetchResponseTopic](a, func() {
		if a.version >= fetchByID {
			a.skip(16)
		} else {
			a.text()
		}
		tagged(a, func() {
			a.skip(4 + 2 + 8 + 8 + 8)
			array[kmsg.FetchResponseTopicPartitionAbortedTransaction](a, func() { a.skip(8 + 8) })
			a.skip(4)
			a.bytes(a.compact)
			a.tags(func(tag uint32) {
				switch tag {
				case 0, 2: // diverging epoch, snapshot id
					a.skip(4 + 8)
					a.tags(nil)
				case 1: // current leader
					a.skip(4 + 4)
					a.tags(nil)
				}
			})
		}, sizeOf[kmsg.FetchResponseTopicPartition]())
	})
	a.tags(func(tag uint32) {
		if tag == 0 {
			array[kmsg.FetchResponseBroker](a, a.node)
		}
	})
}

// node goes past a broker's id, host, port and rack.
func (a *answer) node() { a.skip(4); a.text(); a.skip(4); a.text() }

func (a *answer) apiVersions() {
	a.skip(2)
	array[kmsg.ApiVersionsResponseApiKey](a, func() { a.skip(2 + 2 + 2) })
	a.since(1, 4)
	a.tags(func(tag uint32) {
		switch tag {
		case 0:
			array[kmsg.ApiVersionsResponseSupportedFeature](a, func() { a.text(); a.skip(2 + 2) })
		case 2:
			array[kmsg.ApiVersionsResponseFinalizedFeature](a, func() { a.text(); a.skip(2 + 2) })
		}
	})
}

func (a *answer) metadata() {
	a.skip(4)
	array[kmsg.MetadataResponseBroker](a, a.node)
	a.text()
	a.skip(4)
	array[kmsg.MetadataResponseTopic](a, func() {
		a.skip(2)
		a.text()
		a.since(10, 16)
		a.skip(1)
		array[kmsg.MetadataResponseTopicPartition](a, func() {
			a.skip(2 + 4 + 4 + 4)
			a.numbers(4)
			a.numbers(4)
			a.numbers(4)
		})
		a.since(8, 4)
	})
	if a.version <= 10 {
		a.since(8, 4)
	}
	a.since(13, 2)
}

func (a *answer) findCoordinator() {
	a.skip(4)
	if a.version < 4 {
		a.skip(2)
		a.text()
		a.skip(4)
		a.text()
		a.skip(4)
		return
	}
	array[kmsg.FindCoordinatorResponseCoordinator](a, func() {
		a.text()
		a.skip(4)
		a.text()
		a.skip(4 + 2)
		a.text()
	})
}

func sizeOf[T any]() int { return int(reflect.TypeFor[T]().Size()) }
