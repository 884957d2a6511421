package registry

import (
	"errors"
	"strings"
	"testing"
)

func TestPlanRefusesWhatCannotBeMeant(t *testing.T) {
	t.Parallel()
	reg := fake(t, (&smallRegistry{}).RoundTrip)
	money, user := parsed(t, moneySchema), parsed(t, userSchema)
	for want, wanted := range map[string][]Registration{
		"needs a subject and a schema":                 {{Subject: "s"}},
		"a registration needs a subject":               {{Schema: money}},
		"shop.Money and shop.User: give one another":   {{Subject: "s", Schema: money}, {Subject: "s", Schema: user}},
		"shop.Money: two schemas are to be registered": {{Subject: "c", Schema: parsed(t, cartSchema, money)}, {Subject: "shop.Money", Schema: user}},
	} {
		if _, err := reg.Plan(t.Context(), wanted...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// References come first, each once, and a schema that the registry has is left alone.
func TestPlanIsInTheOrderOfReferences(t *testing.T) {
	t.Parallel()
	reg := fake(t, (&smallRegistry{}).RoundTrip)
	money := parsed(t, moneySchema)
	plan, err := reg.Plan(t.Context(),
		Registration{Subject: "carts-value", Schema: parsed(t, cartSchema, money)}, Registration{Subject: "users-value", Schema: parsed(t, userSchema)},
		Registration{Subject: "shop.Money", Schema: money})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range plan.Steps {
		got = append(got, s.Subject+" "+string(s.State))
	}
	if want := "shop.Money unchanged, carts-value unchanged, users-value unchanged"; strings.Join(got, ", ") != want || plan.Changes() != 0 {
		t.Errorf("%s, %d changes", strings.Join(got, ", "), plan.Changes())
	}
	done, err := reg.Apply(t.Context(), plan)
	if err != nil || len(done) != 3 || done[1] != (Registered{Subject: "carts-value", Event: "shop.Cart", ID: 2}) {
		t.Errorf("%+v, %v", done, err)
	}
}

func TestPartialErrorSaysWhatIsThereAndWhatIsNot(t *testing.T) {
	t.Parallel()
	cause := errors.New("subject b: disk full")
	err := error(&PartialError{Done: []Registered{{"a", "x.A", 4}}, Subject: "b", Left: []string{"c", "d"}, Err: cause})
	for _, want := range []string{"subject b: disk full", "staying: a (id 4)", "not tried: c, d", "goes on from here"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
	if !errors.Is(err, cause) {
		t.Error("it does not wrap its cause")
	}
}
