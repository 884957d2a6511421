package codegen

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headrace/headrace/internal/codegen/testdata/shop"
	"github.com/headrace/headrace/internal/codegen/testdata/shop/catalog/tree"
	"github.com/headrace/headrace/internal/codegen/testdata/shop/money"
	timeevents "github.com/headrace/headrace/internal/codegen/testdata/shop/time"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/codec"
)

// Types of other packages stand in records, lists and unions, decode as they were encoded, and are what the schema says.
func TestGeneratedPackagesWorkTogether(t *testing.T) {
	t.Parallel()
	encoder, err := schema.NewEncoder[shop.OrderPlaced]()
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := schema.NewDecoder[shop.OrderPlaced](nil)
	if err != nil {
		t.Fatal(err)
	}
	price := money.Money{Amount: big.NewRat(1999, 100), Currency: money.CurrencyUsd}
	for name, discount := range map[string]shop.OrderPlacedDiscount{
		`null`: nil,
		`{"shop.money.Money":{"amount":"19.99","currency":"USD"}}`: shop.OrderPlacedDiscountMoney(price),
		`{"shop.money.Currency":"EUR"}`:                            shop.OrderPlacedDiscountCurrency(money.CurrencyEur),
		`{"shop.time.Token":"\u0001\u0002\u0003\u0004"}`:           shop.OrderPlacedDiscountToken{1, 2, 3, 4},
		`0.5`: shop.OrderPlacedDiscountDouble(0.5),
		`{"shop.orders.Voucher":{"code":"SPRING","until":"2027-03-01"}}`: shop.Voucher{Code: "SPRING", Until: time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)},
	} {
		want := shop.OrderPlaced{
			ID: codec.UUID{1}, PlacedAt: time.UnixMilli(1_700_000_000_000).UTC(), Total: price, Currencies: []money.Currency{money.CurrencyXxx},
			Category: &tree.Category{Name: "root", Children: []tree.Category{{Name: "leaf", Children: []tree.Category{}}}},
			Discount: discount, Token: timeevents.Token{9, 8, 7, 6},
		}
		body, err := encoder.Append(nil, &want)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := encoder.Schema().Check(body); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got shop.OrderPlaced
		if err := decoder.DecodeFrom(encoder.Schema(), body, &got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got, compareRats); diff != "" {
			t.Errorf("%s (-written +read):\n%s", name, diff)
		}
		text, err := schema.ToJSON(encoder.Schema(), body)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(text, &fields); err != nil {
			t.Fatal(err)
		}
		if got := printableJSON(fields["discount"]); got != printableJSON([]byte(name)) {
			t.Errorf("the discount is %s, want %s", got, name)
		}
	}
}

func printableJSON(text []byte) string {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return err.Error()
	}
	again, _ := json.Marshal(v)
	return string(again)
}

// Depth is counted across packages, so that nothing is written that a decoder refuses.
func TestGeneratedDepthIsCountedAcrossPackages(t *testing.T) {
	t.Parallel()
	encoder, err := schema.NewEncoder[shop.OrderPlaced]()
	if err != nil {
		t.Fatal(err)
	}
	event := func(levels int) *shop.OrderPlaced {
		c := &tree.Category{Name: "leaf"}
		for range levels {
			c = &tree.Category{Name: "node", Children: []tree.Category{*c}}
		}
		return &shop.OrderPlaced{
			PlacedAt: time.Unix(0, 0), Total: money.Money{Amount: new(big.Rat), Currency: money.CurrencyEur}, Category: c,
		}
	}
	refused := 0
	for levels := codec.MaxDepth/2 - 3; levels <= codec.MaxDepth/2+3; levels++ {
		body, err := encoder.Append(nil, event(levels))
		if err != nil {
			refused++
			continue
		}
		if err := encoder.Schema().Check(body); err != nil {
			t.Errorf("%d levels are encoded, and refused: %v", levels, err)
		}
	}
	if refused == 0 || refused == 7 {
		t.Errorf("%d of 7 depths are refused", refused)
	}
}

func TestGeneratedEnumsReadAndWriteText(t *testing.T) {
	t.Parallel()
	var symbol *codec.SymbolError
	for _, c := range []money.Currency{money.CurrencyEur, money.CurrencyUsd, money.CurrencyXxx} {
		parsed, err := money.ParseCurrency(c.String())
		if err != nil || parsed != c {
			t.Errorf("%s: %v, %v", c, parsed, err)
		}
		text, err := json.Marshal(map[string]money.Currency{"c": c})
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]money.Currency
		if err := json.Unmarshal(text, &back); err != nil || back["c"] != c {
			t.Errorf("%s: %v, %v", text, back, err)
		}
	}
	c := money.CurrencyUsd
	if err := json.Unmarshal([]byte(`"usd"`), &c); !errors.As(err, &symbol) || symbol.Enum != "shop.money.Currency" || c != money.CurrencyUsd {
		t.Errorf("a symbol in lower case: %v, %v", c, err)
	}
	if _, err := json.Marshal(money.Currency("DM")); !errors.As(err, &symbol) || !strings.Contains(err.Error(), "DM") {
		t.Errorf("no symbol: %v", err)
	}
}
