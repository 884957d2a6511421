package sender

import "unsafe"

// receivers are those who wait for the records of a batch, in order. Records in a row that share a receiver, as those of a
// callback that many events are posted with, take up one place.
type receivers struct {
	runs  []run
	count int // of records
}

// run is how many records in a row one receiver waits for.
type run struct {
	to      Receiver // may be nil
	records int
}

// add appends the receiver of one record, and reports whether it is another than that of the record before.
func (r *receivers) add(to Receiver) bool {
	r.count++
	if last := len(r.runs) - 1; last >= 0 && same(r.runs[last].to, to) {
		r.runs[last].records++
		return false
	}
	r.runs = append(r.runs, run{to, 1})
	return true
}

// reset forgets all receivers, and keeps the room they took up.
func (r *receivers) reset() {
	clear(r.runs)
	r.runs, r.count = r.runs[:0], 0
}

// each calls f with the number of each record in the batch and its receiver, until f fails.
func (r *receivers) each(f func(i int, to Receiver) error) error {
	i := 0
	for _, run := range r.runs {
		for range run.records {
			if err := f(i, run.to); err != nil {
				return err
			}
			i++
		}
	}
	return nil
}

// silent is the number of records that nobody waits for.
func (r *receivers) silent() int {
	n := 0
	for _, run := range r.runs {
		if run.to == nil {
			n += run.records
		}
	}
	return n
}

// same reports whether a and b are certainly one receiver: their words are equal. The operator would panic for funcs, which
// receivers may be.
func same(a, b Receiver) bool {
	return *(*[2]uintptr)(unsafe.Pointer(&a)) == *(*[2]uintptr)(unsafe.Pointer(&b)) //nolint:gosec // only compared
}
