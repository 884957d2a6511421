package kafka

import "github.com/twmb/franz-go/pkg/kmsg"

// walkAdmin goes past the answers to administrative requests.
func (a *answer) walkAdmin(key kmsg.Key) bool {
	switch key {
	case kmsg.CreateTopics:
		a.createTopics()
	case kmsg.DeleteTopics:
		a.skip(4)
		array[kmsg.DeleteTopicsResponseTopic](a, func() {
			a.text()
			a.since(6, 16)
			a.skip(2)
			if a.version >= 5 {
				a.text()
			}
		})
	case kmsg.CreatePartitions:
		a.skip(4)
		array[kmsg.CreatePartitionsResponseTopic](a, func() { a.text(); a.skip(2); a.text() })
	case kmsg.DescribeConfigs:
		a.describeConfigs()
	case kmsg.IncrementalAlterConfigs:
		a.skip(4)
		array[kmsg.IncrementalAlterConfigsResponseResource](a, func() { a.skip(2); a.text(); a.skip(1); a.text() })
	case kmsg.DescribeLogDirs:
		a.describeLogDirs()
	case kmsg.AlterPartitionAssignments:
		a.skip(4)
		a.since(1, 1)
		a.skip(2)
		a.text()
		array[kmsg.AlterPartitionAssignmentsResponseTopic](a, func() {
			a.text()
			array[kmsg.AlterPartitionAssignmentsResponseTopicPartition](a, func() { a.skip(4 + 2); a.text() })
		})
	case kmsg.ListPartitionReassignments:
		a.skip(4 + 2)
		a.text()
		array[kmsg.ListPartitionReassignmentsResponseTopic](a, func() {
			a.text()
			array[kmsg.ListPartitionReassignmentsResponseTopicPartition](a, func() {
				a.skip(4)
				a.numbers(4)
				a.numbers(4)
				a.numbers(4)
			})
		})
	default:
		return a.walkACLs(key)
	}
	return true
}

func (a *answer) walkACLs(key kmsg.Key) bool {
	switch key {
	case kmsg.DescribeACLs:
		a.skip(4 + 2)
		a.text()
		array[kmsg.DescribeACLsResponseResource](a, func() {
			a.skip(1)
			a.text()
			a.since(1, 1)
			array[kmsg.DescribeACLsResponseResourceACL](a, func() { a.texts(2); a.skip(1 + 1) })
		})
	case kmsg.CreateACLs:
		a.skip(4)
		array[kmsg.CreateACLsResponseResult](a, func() { a.skip(2); a.text() })
	case kmsg.DeleteACLs:
		a.skip(4)
		array[kmsg.DeleteACLsResponseResult](a, func() {
			a.skip(2)
			a.text()
			array[kmsg.DeleteACLsResponseResultMatchingACL](a, func() {
				a.skip(2)
				a.text()
				a.skip(1)
				a.text()
				a.since(1, 1)
				a.texts(2)
				a.skip(1 + 1)
			})
		})
	default:
		return false
	}
	return true
}

func (a *answer) createTopics() {
	a.skip(4)
	tagged(a, func() {
		a.text()
		a.since(7, 16)
		a.skip(2)
		a.text()
		if a.version >= 5 {
			a.skip(4 + 2)
			array[kmsg.CreateTopicsResponseTopicConfig](a, func() { a.texts(2); a.skip(1 + 1 + 1) })
		}
		a.tags(func(tag uint32) {
			if tag == 0 { // why there are no configurations
				a.skip(2)
			}
		})
	}, sizeOf[kmsg.CreateTopicsResponseTopic]())
}

func (a *answer) describeConfigs() {
	a.skip(4)
	array[kmsg.DescribeConfigsResponseResource](a, func() {
		a.skip(2)
		a.text()
		a.skip(1)
		a.text()
		array[kmsg.DescribeConfigsResponseResourceConfig](a, func() {
			a.texts(2)
			a.skip(1 + 1 + 1) // read-only, source, sensitive
			array[kmsg.DescribeConfigsResponseResourceConfigConfigSynonym](a, func() { a.texts(2); a.skip(1) })
			if a.version >= 3 {
				a.skip(1)
				a.text()
			}
		})
	})
}

func (a *answer) describeLogDirs() {
	a.skip(4)
	a.since(3, 2)
	array[kmsg.DescribeLogDirsResponseDir](a, func() {
		a.skip(2)
		a.text()
		array[kmsg.DescribeLogDirsResponseDirTopic](a, func() {
			a.text()
			array[kmsg.DescribeLogDirsResponseDirTopicPartition](a, func() { a.skip(4 + 8 + 8 + 1) })
		})
		a.since(4, 8+8)
		a.since(5, 1)
	})
}
