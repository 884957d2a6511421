// Package bench runs headrace beside its peers on one broker and reports what each costs.
package bench

import (
	"fmt"
	"time"

	"github.com/headrace/headrace/systemtest/bench/contender"
)

// Workload is one row group of the report: the same job for several contenders.
type Workload struct {
	Name       string
	Job        contender.Job // without contender, addresses and topic
	Partitions int32
	Contenders []string
	Backlog    int  // events in the topic of a consume workload; 0 is a quarter more than it reads
	Quick      bool // part of a quick run
	Once       bool // one round of it does for a quick run
}

var (
	peers    = []string{"headrace", "headrace, struct tags", "franz-go + hamba", "sarama + hamba", "confluent-kafka-go", "kafka-go + hamba", "watermill-kafka + hamba", "floor"}
	clients  = peers[:len(peers)-1]
	readers  = append([]string{"headrace", "headrace, lanes"}, peers[1:]...)
	quick    = []string{"headrace", "headrace, lanes", "headrace, struct tags", "franz-go + hamba", "franz-go", "kcat | kcat", "floor"}
	headrace = []string{"headrace", "franz-go + hamba", "floor"}
	chains   = []string{"headrace", "franz-go + hamba"}
	copiers  = []string{"headrace", "franz-go", "kcat | kcat"}
)

// small and flood are the event counts of workloads with events of 150 bytes.
const (
	smallEvent = 150
	flood      = 2_000_000
	warmUp     = 400_000     // fills the buffers of every client once
	year       = 336_776 * 4 // the file, four times over
)

// Workloads returns what a run measures; file is a flights file. A quick run has the first workload of each kind.
func Workloads(quickly bool, file string) []Workload {
	job := func(task, codec string, size, events, goroutines int) contender.Job {
		return contender.Job{Task: task, Codec: codec, Size: size, Events: events, WarmUp: min(events/5, warmUp), Goroutines: goroutines}
	}
	all := []Workload{
		{Name: "produce, 12 partitions", Partitions: 12, Contenders: peers, Quick: true, Job: job("produce", "none", smallEvent, flood, 1)},
		{Name: "consume, 12 partitions", Partitions: 12, Contenders: readers, Quick: true, Job: job("consume", "none", smallEvent, flood, 1)},
		{Name: "send one at a time", Partitions: 12, Contenders: clients, Quick: true, Job: job("send", "none", smallEvent, 3000, 1)},
		{Name: "produce → consume → produce", Partitions: 12, Contenders: chains, Quick: true, Job: job("chain", "none", smallEvent, flood/2, 1)},
	}
	byType := job("copy", "none", smallEvent, flood, 1)
	byType.ByType = true
	all = append(all,
		Workload{Name: "copy raw", Partitions: 12, Contenders: copiers, Quick: true, Once: true, Job: job("copy", "none", smallEvent, flood, 1)},
		Workload{Name: "copy by type", Partitions: 12, Contenders: copiers[:2], Quick: true, Once: true, Job: byType})
	for _, partitions := range []int32{1, 100} {
		all = append(all,
			Workload{Name: fmt.Sprintf("produce, %d partitions", partitions), Partitions: partitions, Contenders: headrace, Job: job("produce", "none", smallEvent, flood, 1)},
			Workload{Name: fmt.Sprintf("consume, %d partitions", partitions), Partitions: partitions, Contenders: headrace, Job: job("consume", "none", smallEvent, flood, 1)})
	}
	for _, codec := range []string{"lz4", "zstd"} {
		all = append(all,
			Workload{Name: "produce, " + codec, Partitions: 12, Contenders: headrace, Job: job("produce", codec, smallEvent, flood, 1)},
			Workload{Name: "consume, " + codec, Partitions: 12, Contenders: headrace, Job: job("consume", codec, smallEvent, flood, 1)})
	}
	flights := func(task string) contender.Job {
		j := job(task, "none", 0, year, 1)
		j.Flights = file
		return j
	}
	slow := job("consume", "none", smallEvent, 20_000, 1)
	slow.Pause = time.Millisecond
	all = append(all,
		Workload{Name: "produce the flights file", Partitions: 12, Contenders: chains, Job: flights("produce")},
		Workload{Name: "consume the flights file", Partitions: 12, Contenders: chains, Job: flights("consume")},
		Workload{Name: "5 million events behind, slow handler", Partitions: 12, Contenders: chains, Backlog: 5_000_000, Job: slow},
		Workload{Name: "produce, 8 goroutines", Partitions: 12, Contenders: headrace, Job: job("produce", "none", smallEvent, flood, 8)},
		Workload{Name: "produce, 1 KiB events", Partitions: 12, Contenders: headrace, Job: job("produce", "none", 1<<10, flood/5, 1)},
		Workload{Name: "consume, 1 KiB events", Partitions: 12, Contenders: headrace, Job: job("consume", "none", 1<<10, flood/5, 1)},
		Workload{Name: "produce, 100 KiB events", Partitions: 12, Contenders: headrace, Job: job("produce", "none", 100<<10, 5000, 1)},
		Workload{Name: "consume, 100 KiB events", Partitions: 12, Contenders: headrace, Job: job("consume", "none", 100<<10, 5000, 1)},
	)
	if !quickly {
		return all
	}
	var some []Workload
	for _, w := range all {
		if w.Quick {
			w.Contenders = intersection(w.Contenders, quick)
			some = append(some, w)
		}
	}
	return some
}

func intersection(of, with []string) []string {
	var out []string
	for _, a := range of {
		for _, b := range with {
			if a == b {
				out = append(out, a)
			}
		}
	}
	return out
}
