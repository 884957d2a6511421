package check

import "sync"

// Owners notices two workers that handle events of one partition at the same time, and one key that is handled twice
// at once. The zero value is empty; safe for concurrent use.
type Owners struct {
	mu         sync.Mutex
	partitions map[int32]map[string]int // handlers that run, by partition and worker
	keys       map[string]int           // handlers that run, by key
	together   int
	overlapped int
}

// Enter notes that a worker's handler has begun, and returns what notes its end.
func (o *Owners) Enter(worker string, partition int32, key string) (leave func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.partitions == nil {
		o.partitions, o.keys = map[int32]map[string]int{}, map[string]int{}
	}
	running := o.partitions[partition]
	if running == nil {
		running = map[string]int{}
		o.partitions[partition] = running
	}
	running[worker]++
	o.keys[key]++
	if len(running) > 1 {
		o.together++
	}
	if o.keys[key] > 1 {
		o.overlapped++
	}
	return func() { o.leave(worker, partition, key) }
}

func (o *Owners) leave(worker string, partition int32, key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.partitions[partition][worker]--; o.partitions[partition][worker] == 0 {
		delete(o.partitions[partition], worker)
	}
	if o.keys[key]--; o.keys[key] == 0 {
		delete(o.keys, key)
	}
}

// Report returns how often a handler began while another worker's handler ran in its partition, or while one ran for
// its key.
func (o *Owners) Report() (together, overlapped int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.together, o.overlapped
}
