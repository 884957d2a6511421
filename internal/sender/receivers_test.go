package sender

import (
	"errors"
	"slices"
	"testing"
)

// number is a receiver that is no pointer: two of one value are told apart or not, but never mixed up with another.
type number int

func (number) Done(Result) {}

func TestReceiversInARowThatAreOneTakeOnePlace(t *testing.T) {
	t.Parallel()
	var told []string
	teller := func(name string) receiverFunc { return func(Result) { told = append(told, name) } }
	a, b := teller("a"), teller("b")
	var r receivers
	var another []bool
	for _, to := range []Receiver{a, a, b, nil, nil, a, number(1000), number(2000)} {
		another = append(another, r.add(to))
	}
	if want := []bool{true, false, true, true, false, true, true, true}; !slices.Equal(another, want) {
		t.Errorf("another: %v instead of %v", another, want)
	}
	if len(r.runs) != 6 || r.count != 8 || r.silent() != 2 {
		t.Errorf("%d places for %d receivers, of which %d are silent", len(r.runs), r.count, r.silent())
	}
	end := errors.New("end")
	var seen []int
	err := r.each(func(i int, to Receiver) error {
		seen = append(seen, i)
		if to == number(1000) {
			return end
		}
		if f, ok := to.(receiverFunc); ok {
			f(Result{})
		}
		return nil
	})
	if !errors.Is(err, end) || !slices.Equal(seen, []int{0, 1, 2, 3, 4, 5, 6}) || !slices.Equal(told, []string{"a", "a", "b", "a"}) {
		t.Errorf("records %v told %v, and then %v", seen, told, err)
	}
	if r.reset(); r.count != 0 || len(r.runs) != 0 || r.runs[:1][0].to != nil {
		t.Errorf("%+v after reset", r)
	}
}

func TestEachRecordOfARunHasItsOffset(t *testing.T) {
	t.Parallel()
	var got []int64
	to := receiverFunc(func(r Result) { got = append(got, r.Offset) })
	for _, first := range []int64{40, -1} {
		x := &producerBatch{result: Result{Offset: first}}
		for _, each := range []Receiver{to, nil, nil, to, to} {
			x.receivers.add(each)
		}
		x.notify()
	}
	if want := []int64{40, 43, 44, -1, -1, -1}; !slices.Equal(got, want) {
		t.Errorf("offsets %v instead of %v", got, want)
	}
}
