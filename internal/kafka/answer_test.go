package kafka

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// walkedKeys lists the kinds of answers that have a walk.
func walkedKeys() []int16 {
	var keys []int16
	for key := range int16(kmsg.MaxKey + 1) {
		if a := (&answer{}); a.walk(kmsg.Key(key)) {
			keys = append(keys, key)
		}
	}
	return keys
}

// fill gives every field of a message a value: lists of up to n elements, and strings that may be null.
func fill(v reflect.Value, rnd *rand.Rand, n int) {
	switch v.Kind() {
	case reflect.Struct:
		if _, ok := v.Addr().Interface().(*kmsg.Tags); ok {
			tags := v.Addr().Interface().(*kmsg.Tags)
			for range rnd.IntN(3) {
				tags.Set(uint32(100+rnd.IntN(300)), make([]byte, rnd.IntN(5)))
			}
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).Name != "Version" {
				fill(v.Field(i), rnd, n)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes(make([]byte, rnd.IntN(200)))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), rnd.IntN(n+1), n+1))
		for i := range v.Len() {
			fill(v.Index(i), rnd, n)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), rnd, n)
		}
	case reflect.Pointer:
		v.Set(reflect.Zero(v.Type()))
		if rnd.IntN(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), rnd, n)
		}
	case reflect.String:
		v.SetString(strings.Repeat("x", rnd.IntN(200)))
	case reflect.Bool:
		v.SetBool(rnd.IntN(2) == 0)
	default:
		if v.CanInt() {
			v.SetInt(rnd.Int64() >> (64 - v.Type().Bits()))
		}
	}
}

// The walks are written by hand and kmsg's coder is generated: whatever that writes, of any version this client speaks,
// the walk passes to its very end.
func TestWalkEndsWhereTheAnswerDoes(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, key := range walkedKeys() {
		for version := supported(key).min; version <= supported(key).max; version++ {
			for round := range 40 {
				resp := kmsg.ResponseForKey(key)
				resp.SetVersion(version)
				fill(reflect.ValueOf(resp).Elem(), rnd, round%4)
				body := resp.AppendTo(nil)
				a := answer{wireReader: wireReader{src: body}, version: version, compact: resp.IsFlexible()}
				a.walk(kmsg.Key(key))
				if a.bad || len(a.src) > 0 {
					t.Errorf("%s version %d: bad is %v, and %d of %d bytes are left", requestName(key), version, a.bad, len(a.src), len(body))
					break
				}
				if len(body) > 0 && checkAnswer(resp, body[:rnd.IntN(len(body))]) == nil {
					t.Errorf("%s version %d: a part of the answer passes", requestName(key), version)
				}
			}
		}
	}
}

func TestEveryAnswerAskedForHasAWalk(t *testing.T) {
	t.Parallel()
	asks := regexp.MustCompile(`kmsg\.New(?:Ptr)?(\w+)Request\(\)`)
	files, err := filepath.Glob("../../*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	inner, err := filepath.Glob("../*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	walked := make(map[string]bool)
	for _, key := range walkedKeys() {
		walked[requestName(key)] = true
	}
	found := 0
	for _, file := range append(files, inner...) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range asks.FindAllStringSubmatch(string(source), -1) {
			if found++; !walked[match[1]] {
				t.Errorf("%s asks for %s, whose answer has no walk", file, match[1])
			}
		}
	}
	if found < 20 {
		t.Errorf("found %d requests only", found)
	}
}

// Claims are refused before memory is taken for them, and an answer of honest counts before it takes more than its due.
func TestAnswerThatClaimsMoreThanItHoldsIsRefused(t *testing.T) {
	topics := func(n int) []byte { // of 26 bytes each, which take 112 when decoded
		resp := kmsg.NewPtrMetadataResponse()
		resp.Version, resp.Topics = 12, make([]kmsg.MetadataResponseTopic, n)
		return resp.AppendTo(nil)
	}
	brokers := append(make([]byte, 4), 0xff, 0xff, 0xff, 0xff, 0x07)
	tags := append(make([]byte, 6), 0xff, 0xff, 0xff, 0xff, 0x0f)
	for name, test := range map[string]struct {
		resp kmsg.Response
		body []byte
		want error
	}{
		"brokers":             {&kmsg.MetadataResponse{Version: 12}, brokers, errCut},
		"brokers and padding": {&kmsg.MetadataResponse{Version: 12}, append(brokers, make([]byte, 1<<20)...), errCut},
		"tagged fields":       {&kmsg.HeartbeatResponse{Version: 4}, tags, errCut},
		"tiny topics":         {&kmsg.MetadataResponse{Version: 12}, topics(maxResponse / 26), errDecoded},
		"some tiny topics":    {&kmsg.MetadataResponse{Version: 12}, topics(100_000), nil},
	} {
		var err error
		took := allocated(func() { err = decode(test.resp, test.body) })
		if !errors.Is(err, test.want) {
			t.Errorf("%s: error is %v, want %v", name, err, test.want)
		}
		if test.want != nil && took > 1<<20 {
			t.Errorf("%s: refusing took %d bytes of memory", name, took)
		}
	}
}
