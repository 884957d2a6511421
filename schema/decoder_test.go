package schema

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// resolver answers from memory and counts what it is asked.
type resolver struct {
	schemas map[Ref]*Schema
	err     error // for every other schema
	calls   int
}

func (r *resolver) Resolve(ctx context.Context, ref Ref) (*Schema, error) {
	r.calls++
	if s := r.schemas[ref]; s != nil {
		return s, nil
	}
	return nil, errors.Join(r.err, ctx.Err())
}

func TestDecodeAsksTheResolverOncePerWriter(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	from := &resolver{err: down, schemas: map[Ref]*Schema{
		RefID(1): mustParse(t, order{}.AvroSchema()),
		RefID(2): mustParse(t, `{"type":"record","name":"shop.Order","fields":[]}`),
	}}
	dec, err := NewDecoder[order](from)
	if err != nil {
		t.Fatal(err)
	}
	body := orderBytes(t)
	for range 3 {
		var got order
		if err := dec.Decode(t.Context(), RefID(1), body, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sampleOrder(), got); diff != "" {
			t.Fatal(diff)
		}
	}
	if from.calls != 1 {
		t.Errorf("%d calls", from.calls)
	}
	var resolve *ResolveError
	got := sampleOrder()
	err = dec.Decode(t.Context(), RefID(2), body, &got)
	if !errors.As(err, &resolve) || len(resolve.Problems) < 5 || resolve.Writer != RefID(2) || !strings.Contains(err.Error(), "shop.Order") || got.ID != "" {
		t.Errorf("a writer that cannot be read: %v", err)
	}
	got = sampleOrder()
	if err := dec.Decode(t.Context(), RefID(3), body, &got); !errors.Is(err, down) || !strings.Contains(err.Error(), "shop.Order") || got.ID != "" {
		t.Errorf("a resolver that fails: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := dec.Decode(ended, RefID(4), body, new(order)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	alone, err := NewDecoder[order](nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := alone.Decode(t.Context(), RefID(1), body, new(order)); err == nil {
		t.Error("decoded without a resolver")
	}
}

func TestDecoderKeepsABoundedNumberOfPlans(t *testing.T) {
	t.Parallel()
	dec, err := NewDecoder[order](nil)
	if err != nil {
		t.Fatal(err)
	}
	body := orderBytes(t)
	for range maxPlans + 10 {
		s := *dec.Schema()
		if err := dec.DecodeFrom(&s, body, new(order)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(*dec.plans.Load()); n > maxPlans {
		t.Errorf("%d plans are kept", n)
	}
}
