package schema

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeAsksTheRegistryOncePerWriter(t *testing.T) {
	t.Parallel()
	calls := 0
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls++
		switch r.URL.Path {
		case "/schemas/ids/1":
			answer(w, 200, fmt.Sprintf(`{"schema":%q}`, order{}.AvroSchema()))
		case "/schemas/ids/2":
			answer(w, 200, `{"schema":"{\"type\":\"record\",\"name\":\"shop.Order\",\"fields\":[]}"}`)
		case "/schemas/ids/3":
			_, _ = io.WriteString(w, `{"schema":"{"}`)
		case "/schemas/ids/4":
			answer(w, 404, `{"error_code":40403,"message":"no"}`)
		default:
			answer(w, 403, `{}`)
		}
	})
	dec, err := NewDecoder[order](reg)
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
	if calls != 1 {
		t.Errorf("%d calls", calls)
	}
	var resolve *ResolveError
	var invalid *InvalidSchemaError
	var unknown *UnknownSchemaError
	for id, target := range map[int]any{2: &resolve, 3: &invalid, 4: &unknown} {
		got := sampleOrder()
		err := dec.Decode(t.Context(), RefID(id), body, &got)
		if !errors.As(err, target) || Unavailable(err) || !strings.Contains(err.Error(), "shop.Order") || got.ID != "" {
			t.Errorf("id %d: %v", id, err)
		}
	}
	if err := dec.Decode(t.Context(), RefID(2), body, new(order)); !errors.As(err, &resolve) || len(resolve.Problems) < 5 || resolve.Writer != RefID(2) {
		t.Errorf("%v", err)
	}
	if err := dec.Decode(t.Context(), RefID(9), body, new(order)); !Unavailable(err) {
		t.Errorf("forbidden: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := dec.Decode(ended, RefID(10), body, new(order)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	alone, err := NewDecoder[order](nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := alone.Decode(t.Context(), RefID(1), body, new(order)); err == nil {
		t.Error("decoded without a registry")
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
