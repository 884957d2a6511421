// Package headrace is a toolkit for event pipelines on Apache Kafka.
package headrace
