package registry

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/headrace/headrace/schema"
)

// checks is a registry that answers checks, and says which of its endpoints were asked.
type checks struct {
	config  int          // status of the level, 200 when it is told
	level   schema.Level // of the subject
	missing string       // the end of a path that the registry does not know
	method  bool         // it says so by 405
	asked   []string
}

func (c *checks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, isCheck := strings.CutPrefix(r.URL.Path, "/compatibility/subjects/orders-value")
	switch {
	case !isCheck && c.config != http.StatusOK:
		answer(w, c.config, `{"error_code":403,"message":"no right to read levels"}`)
	case !isCheck:
		answer(w, http.StatusOK, `{"compatibilityLevel":"`+string(c.level)+`"}`)
	default:
		c.asked = append(c.asked, path)
		switch {
		case path != c.missing:
			answer(w, http.StatusOK, `{"is_compatible":false,"messages":["by `+path+`"]}`)
		case c.method:
			w.WriteHeader(http.StatusMethodNotAllowed)
		default:
			http.NotFound(w, r)
		}
	}
}

// Asked without a version, Apicurio compares with every version at every level.
func TestClientCompatibleAsksForTheVersionsOfTheLevel(t *testing.T) {
	t.Parallel()
	const all, newest = "/versions", "/versions/latest"
	tests := map[string]struct {
		registry checks
		want     []string
	}{
		"none":                {checks{level: schema.None}, []string{newest}},
		"backward":            {checks{level: schema.Backward}, []string{newest}},
		"forward":             {checks{level: schema.Forward}, []string{newest}},
		"full":                {checks{level: schema.Full}, []string{newest}},
		"backward transitive": {checks{level: schema.BackwardTransitive}, []string{all}},
		"forward transitive":  {checks{level: schema.ForwardTransitive}, []string{all}},
		"full transitive":     {checks{level: schema.FullTransitive}, []string{all}},
		"only the newest":     {checks{level: schema.FullTransitive, missing: all}, []string{all, newest}},
		"no post to all":      {checks{level: schema.FullTransitive, missing: all, method: true}, []string{all, newest}},
		"only all":            {checks{level: schema.Backward, missing: newest}, []string{newest, all}},
		"no post to newest":   {checks{level: schema.Backward, missing: newest, method: true}, []string{newest, all}},
		"untold level":        {checks{config: http.StatusForbidden}, []string{all}},
		"unknown level":       {checks{level: "SIDEWARD", missing: all}, []string{all, newest}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.registry.config == 0 {
				test.registry.config = http.StatusOK
			}
			reg := serve(t, test.registry.ServeHTTP)
			err := reg.Compatible(t.Context(), "orders-value", parsed(t, `"string"`))
			var why *IncompatibleError
			if !errors.As(err, &why) || !slices.Equal(why.Reasons, []string{"by " + test.want[len(test.want)-1]}) {
				t.Errorf("Compatible = %v, want the reason of %v", err, test.want)
			}
			if !slices.Equal(test.registry.asked, test.want) {
				t.Errorf("asked %v, want %v", test.registry.asked, test.want)
			}
		})
	}
}

func TestClientCompatibleTakesAnythingForANewSubject(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"error_code":40401,"message":"subject"}`, `{"error_code":40402,"message":"version"}`} {
		for _, level := range []schema.Level{schema.Backward, schema.BackwardTransitive} {
			reg := serve(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/config":
					answer(w, http.StatusOK, `{"compatibilityLevel":"`+string(level)+`"}`)
				case strings.HasPrefix(r.URL.Path, "/config/"):
					answer(w, http.StatusNotFound, `{"error_code":40401,"message":"subject"}`)
				default:
					answer(w, http.StatusNotFound, body)
				}
			})
			if err := reg.Compatible(t.Context(), "orders-value", parsed(t, `"string"`)); err != nil {
				t.Errorf("%s: %s: %v", level, body, err)
			}
		}
	}
}
