package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/headrace/headrace/schema"
)

// counted is an event of one number.
type counted struct {
	N int64 `avro:"n"`
}

func (counted) AvroSchema() string {
	return `{"type":"record","name":"shop.Counted","fields":[{"name":"n","type":"long"}]}`
}

func TestDecoderTellsWhoseFaultItIs(t *testing.T) {
	t.Parallel()
	reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/schemas/ids/1":
			answer(w, 200, `{"schema":"{\"type\":\"record\",\"name\":\"shop.Counted\",\"fields\":[{\"name\":\"n\",\"type\":\"long\"}]}"}`)
		case "/schemas/ids/2":
			answer(w, 200, `{"schema":"{\"type\":\"record\",\"name\":\"shop.Counted\",\"fields\":[]}"}`)
		case "/schemas/ids/3":
			_, _ = io.WriteString(w, `{"schema":"{"}`)
		case "/schemas/ids/4":
			answer(w, 404, `{"error_code":40403,"message":"no"}`)
		default:
			answer(w, 403, `{}`)
		}
	})
	decoder, err := schema.NewDecoder[counted](reg)
	if err != nil {
		t.Fatal(err)
	}
	got := counted{N: 1}
	if err := decoder.Decode(t.Context(), schema.RefID(1), []byte{8}, &got); err != nil || got.N != 4 {
		t.Fatalf("%+v, %v", got, err)
	}
	var resolve *schema.ResolveError
	var invalid *schema.InvalidSchemaError
	var unknown *UnknownSchemaError
	for id, target := range map[int]any{2: &resolve, 3: &invalid, 4: &unknown} {
		got := counted{N: 1}
		err := decoder.Decode(t.Context(), schema.RefID(id), []byte{8}, &got)
		if !errors.As(err, target) || Unavailable(err) || !strings.Contains(err.Error(), "shop.Counted") || got.N != 0 {
			t.Errorf("id %d: %v", id, err)
		}
	}
	if err := decoder.Decode(t.Context(), schema.RefID(9), []byte{8}, new(counted)); !Unavailable(err) {
		t.Errorf("forbidden: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := decoder.Decode(ended, schema.RefID(10), []byte{8}, new(counted)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Registries hold such schemas: they check no defaults, or those of other languages.
func TestClientTakesWritersWithInvalidDefaults(t *testing.T) {
	t.Parallel()
	reg := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, `{"subject":"orders-value","version":1,"id":7,"schema":"{\"type\":\"record\",\"name\":\"shop.Order\",\"fields\":`+
			`[{\"name\":\"note\",\"type\":\"string\",\"default\":null}]}"}`)
	})
	if s, err := reg.Schema(t.Context(), 7); err != nil || s.FullName() != "shop.Order" {
		t.Errorf("by id: %v, %v", s, err)
	}
	if v, err := reg.Latest(t.Context(), "orders-value"); err != nil || v.Schema.FullName() != "shop.Order" {
		t.Errorf("latest is %+v, %v", v, err)
	}
}
