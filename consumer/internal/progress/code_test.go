package progress

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/headrace/headrace"
)

var flights = Log{Cluster: "airport", Topic: [16]byte{0xf1, 0x16, 15: 0x47}, Partition: 3}

const brokerLimit = 4096

func note(prefix int64, mark Mark, ranges ...headrace.OffsetRange) *Note {
	n := &Note{Done: NewDone(prefix), Mark: mark}
	for _, s := range ranges {
		n.Done.Mark(s.From, s.To)
	}
	return n
}

// TestGolden holds the format, so that a worker reads what one of an older release has committed: in the first column before topics were
// named.
func TestGolden(t *testing.T) {
	t.Parallel()
	var sevens []headrace.OffsetRange
	for o := int64(1007); o < 2000; o += 7 {
		sevens = append(sevens, headrace.OffsetRange{From: o, To: o + 6})
	}
	for _, tc := range []struct {
		name   string
		note   *Note
		older  string // hex, before base64; "" for no metadata
		golden string
	}{
		{"nothing to say", note(1000, Mark{}), "", "405087e466f11600000000000000000000000000479297613bac02"},
		{"working", note(1000, Mark{Working: true, From: 1000, Reach: 5096}), "03e892c51000802000", "43051d7083f11600000000000000000000000000479297613bac0200802000"},
		{"runs", note(1000, Mark{}, headrace.OffsetRange{From: 1001, To: 1002}, headrace.OffsetRange{From: 1300, To: 1600}), "085a1c510f0000a902ab02", "4861eac3def11600000000000000000000000000479297613bac020000a902ab02"},
		{"bitmap", note(1000, Mark{}, headrace.OffsetRange{From: 1001, To: 1003}, headrace.OffsetRange{From: 1004, To: 1005}, headrace.OffsetRange{From: 1007, To: 1012}), "107f9d0923cb07", "50ade10b61f11600000000000000000000000000479297613bac02cb07"},
		{"deflated", note(1000, Mark{}, sevens...), "30531318123af0fefbefbf75fbef0f0805080000ffff", "7013daa5ecf11600000000000000000000000000479297613bac023af0fefbefbf75fbef0f0805080000ffff"},
		{"a group of suspects", note(1000, Mark{Working: true, From: 1010, Reach: 1074, Deaths: 2}, headrace.OffsetRange{From: 1001, To: 1010}), "0b4a7cad230a40020008", "4ba99ec1fff11600000000000000000000000000479297613bac020a40020008"},
		{"a suspect alone", note(1000, Mark{Working: true, Alone: true, From: 1010, Reach: 1011, Deaths: 300}), "07a6f4f6900a01ac02", "47d628c1c2f11600000000000000000000000000479297613bac020a01ac02"},
		{"suspects left in order", note(1000, Mark{From: 1000, Reach: 1064, Deaths: 1}), "01bce22d99004001", "41d4cf0e48f11600000000000000000000000000479297613bac02004001"},
		{"working, and who", note(1000, Mark{Working: true, From: 1000, Reach: 5096, Owner: 0x8877665544332211}), "2b5cfa659800802000010000ffff01088877665544332211", "6be08983ebf11600000000000000000000000000479297613bac0200802000010000ffff01088877665544332211"},
		{"a turn, and who died", note(1000, Mark{
			Working: true, Alone: true, From: 1010, Reach: 1011, Deaths: 3, Owner: 0x8877665544332211,
			Gone: Gone{0x8000000000000003, 0x8000000000000002}, End: 1074, Charged: true,
		}, headrace.OffsetRange{From: 1001, To: 1010}), "2fd5c8b73a0a010362e000040000ffff0108887766554433221102108000000000000003800000000000000203013f0400", "6fe57ef4e8f11600000000000000000000000000479297613bac020a010362e000040000ffff0108887766554433221102108000000000000003800000000000000203013f0400"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if payload, _ := hex.DecodeString(tc.older); tc.older != "" {
				wantNote(t, tc.note, text(payload))
			}
			tc.note.Partitions = 300
			var e Encoder
			metadata, told := e.Encode(flights, tc.note, brokerLimit)
			if told != tc.note.Done.End() {
				t.Errorf("told up to %d, want %d", told, tc.note.Done.End())
			}
			// Compressors may say the same in other bytes; what they said once is to be read for ever.
			if got := payloadOf(t, metadata); got != tc.golden && tc.name != "deflated" {
				t.Errorf("payload %s, want %s", got, tc.golden)
			}
			wantNote(t, tc.note, metadata)
			payload, _ := hex.DecodeString(tc.golden)
			wantNote(t, tc.note, text(payload))
		})
	}
}

func payloadOf(t *testing.T, metadata string) string {
	t.Helper()
	if metadata == "" {
		return ""
	}
	encoded, ok := strings.CutPrefix(metadata, "hr1:")
	payload, err := base64.RawURLEncoding.DecodeString(encoded)
	if !ok || err != nil {
		t.Fatalf("metadata %q: %v", metadata, err)
	}
	return hex.EncodeToString(payload)
}

type failer interface {
	Helper()
	Fatalf(string, ...any)
}

var plainly = cmp.Options{cmp.AllowUnexported(Done{}), cmpopts.EquateEmpty()}

// wantNote fails unless metadata says what n does.
func wantNote(t failer, n *Note, metadata string) {
	t.Helper()
	got, err := Decode(flights, n.Done.Prefix(), metadata)
	if err != nil {
		t.Fatalf("decode %q: %v", metadata, err)
	}
	if diff := cmp.Diff(*n, got, plainly); diff != "" {
		t.Fatalf("decoded is not what was encoded (-want +got):\n%s", diff)
	}
}

func drawNote(t *rapid.T) *Note {
	base := rapid.SampledFrom([]int64{0, 1, 1000, 1 << 40, math.MaxInt64 - 100000}).Draw(t, "base")
	n := &Note{Done: drawDone(t, base, rapid.SampledFrom([]int64{16, 400, 70000}).Draw(t, "width"))}
	n.Partitions = rapid.Int32Range(0, math.MaxInt32).Draw(t, "partitions")
	if rapid.Bool().Draw(t, "marked") {
		m := Mark{Working: rapid.Bool().Draw(t, "working"), Deaths: rapid.IntRange(0, MaxDeaths).Draw(t, "deaths")}
		m.From = n.Done.Prefix() + rapid.Int64Range(0, 5000).Draw(t, "from")
		m.Reach = m.From + rapid.Int64Range(0, 5000).Draw(t, "reach")
		if m.Alone = rapid.Bool().Draw(t, "alone"); m.Alone {
			m.Reach = m.From + 1
		}
		if rapid.Bool().Draw(t, "owned") {
			m.Owner, m.Charged = rapid.Uint64Min(1).Draw(t, "owner"), rapid.Bool().Draw(t, "charged")
			for range rapid.IntRange(0, maxGone+2).Draw(t, "gone") {
				m.Gone = m.Gone.with(rapid.Uint64Min(1).Draw(t, "another"))
			}
			if more := rapid.Int64Range(0, 5000).Draw(t, "end"); more > 0 {
				m.End = m.Reach + more
			}
		}
		n.Mark = m
	}
	return n
}

func TestWhatIsEncodedIsDecoded(t *testing.T) {
	t.Parallel()
	var e Encoder // one for all: it keeps nothing between notes
	rapid.Check(t, func(t *rapid.T) {
		n := drawNote(t)
		metadata, told := e.Encode(flights, n, brokerLimit)
		if told != n.Done.End() {
			t.Fatalf("%d ranges did not fit into %d bytes", len(n.Done.Beyond()), brokerLimit)
		}
		wantNote(t, n, metadata)
	})
}

// TestWhatDoesNotFitIsCutAbove holds that under any limit the lower part of what is done is said truly, and the mark first of all.
func TestWhatDoesNotFitIsCutAbove(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var e Encoder
		n := drawNote(t)
		limit := rapid.IntRange(0, 250).Draw(t, "limit")
		metadata, told := e.Encode(flights, n, limit)
		if len(metadata) > limit {
			t.Fatalf("%d bytes, limit %d", len(metadata), limit)
		}
		if !utf8.ValidString(metadata) {
			t.Fatalf("not UTF-8: %q", metadata)
		}
		want := &Note{Done: n.Done.Clone(), Mark: n.Mark}
		if limit >= leastNamed {
			want.Partitions = n.Partitions
		}
		want.Done.Cut(told)
		if want.Done.End() != told {
			t.Fatalf("told up to %d, but nothing ends there: %v", told, n.Done.Beyond())
		}
		if got, err := Decode(flights, n.Done.Prefix(), metadata); err == nil && limit < 2*maxGone*8+40 && got.Mark == n.Mark.withoutOwners() {
			want.Mark = got.Mark
		}
		if metadata == "" {
			if told != n.Done.Prefix() {
				t.Fatalf("nothing is said, yet told is %d", told)
			}
			if limit >= leastNamed {
				t.Fatalf("no topic in %d bytes", limit)
			}
			if limit >= 40 && n.Mark != (Mark{}) {
				t.Fatalf("no mark in %d bytes: %+v", limit, n.Mark)
			}
			return
		}
		wantNote(t, want, metadata)
		if told < n.Done.End() { // then one range more would not have fitted
			more := &Note{Done: n.Done.Clone(), Mark: n.Mark, Partitions: n.Partitions}
			at := more.Done.after(told)
			more.Done.beyond = more.Done.beyond[:at+1]
			if longer, further := new(Encoder).Encode(flights, more, limit); further > told {
				t.Fatalf("stopped at %d, but up to %d takes only %d of %d bytes", told, more.Done.End(), len(longer), limit)
			}
		}
	})
}

// TestSizes holds what fits into a broker's default limit.
func TestSizes(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	completed := func(width, done int64) *Note {
		n := note(1000, Mark{Working: true, From: 1000, Reach: 1000 + width})
		for _, o := range random.Perm(int(width) - 1)[:done] {
			n.Done.Mark(1001+int64(o), 1002+int64(o))
		}
		return n
	}
	for _, tc := range []struct {
		name string
		note *Note
		most int
	}{
		{"one stuck, a million done", note(1000, Mark{}, headrace.OffsetRange{From: 1001, To: 1_001_001}), 48},
		{"200 lanes, half of 400 done", completed(400, 200), 128},
		{"200 stuck in 20,000", completed(20_000, 19_800), 528},
		{"10,000 of 20,000", completed(20_000, 10_000), 3430},
		{"12,000 of 24,000", completed(24_000, 12_000), brokerLimit},
		{"10,000 stuck in 200,000", completed(200_000, 190_000), 4 * brokerLimit},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			metadata, told := new(Encoder).Encode(flights, tc.note, math.MaxInt16)
			t.Logf("%d bytes", len(metadata))
			if len(metadata) > tc.most || told != tc.note.Done.End() {
				t.Errorf("%d bytes, want %d at most; told up to %d of %d", len(metadata), tc.most, told, tc.note.Done.End())
			}
		})
	}
}

// TestMetadataOfOthersIsNotTaken holds that whatever a commit carries, the partition goes on at the commit's offset.
func TestMetadataOfOthersIsNotTaken(t *testing.T) {
	t.Parallel()
	good, _ := new(Encoder).Encode(flights, note(1000, Mark{Working: true, From: 1000, Reach: 2000}, headrace.OffsetRange{From: 1005, To: 1100}), brokerLimit)
	forged := func(flags byte, body ...byte) string {
		payload := append([]byte{flags, 0, 0, 0, 0}, body...)
		sum := checksum(flights, 1000, flags, body)
		payload[1], payload[2], payload[3], payload[4] = byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)
		return text(payload)
	}
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f} // 2^63-1
	negative := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}
	named := binary.BigEndian.AppendUint32(flights.Topic[:], clusterSum(flights.Cluster))
	var e Encoder
	bomb := e.deflate(make([]byte, 1<<20), false)
	for _, tc := range []struct {
		name     string
		metadata string
		err      error
	}{
		{"none", "", nil},
		{"a sentence", "committed by hand", ErrForeign},
		{"no text", "\x00\xff\xfe", ErrForeign},
		{"a newer version", "hr2:" + good[4:], ErrForeign},
		{"the prefix alone", "hr1:", ErrDamaged},
		{"no base64", "hr1:****", ErrDamaged},
		{"cut", good[:len(good)-2], ErrDamaged},
		{"one character changed", good[:8] + "A" + good[9:], ErrDamaged},
		{"longer than a string can be", "hr1:" + strings.Repeat("A", 1<<16), ErrDamaged},
		{"a flag nobody knows", forged(1 << 7), ErrDamaged},
		{"a topic cut off", forged(flagTopic, 1, 2, 3), ErrDamaged},
		{"a topic without partitions", forged(flagTopic, named...), ErrDamaged},
		{"more partitions than there are", forged(flagTopic, append(named[:len(named):len(named)], huge...)...), ErrDamaged},
		{"both forms", forged(flagRuns|flagBitmap, 1, 1), ErrDamaged},
		{"no form, but bytes", forged(0, 1), ErrDamaged},
		{"nothing, deflated", forged(flagDeflated, 3, 0), ErrDamaged},
		{"working without a mark", forged(flagWorking|flagRuns, 1, 1), ErrDamaged},
		{"a mark that ends early", forged(flagMark, 1, 0x80), ErrDamaged},
		{"a mark beyond all offsets", forged(flagMark, append([]byte{1}, append(huge, 0)...)...), ErrDamaged},
		{"a mark that begins there", forged(flagMark, append(huge, 1, 0)...), ErrDamaged},
		{"more deaths than are counted", forged(flagMark, 0, 1, 0x80, 0x80, 0x04), ErrDamaged},
		{"two alone", forged(flagMark|flagAlone, 0, 2, 1), ErrDamaged},
		{"half a run", forged(flagRuns, 1), ErrDamaged},
		{"a negative gap", forged(flagRuns, append(negative, 1)...), ErrDamaged},
		{"a negative run", forged(flagRuns, append([]byte{1}, negative...)...), ErrDamaged},
		{"a run beyond all offsets", forged(flagRuns, append([]byte{1}, huge...)...), ErrDamaged},
		{"a gap beyond all offsets", forged(flagRuns, append(huge, 1)...), ErrDamaged},
		{"a bomb", forged(flagBitmap|flagDeflated, bomb...), ErrDamaged},
		{"bytes that do not inflate", forged(flagRuns|flagDeflated, 0xff, 0xff), ErrDamaged},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := Decode(flights, 1000, tc.metadata)
			if !errors.Is(err, tc.err) {
				t.Errorf("got error %v, want %v", err, tc.err)
			}
			if diff := cmp.Diff(Note{Done: NewDone(1000)}, got, plainly); diff != "" {
				t.Errorf("note is not that of a bare offset (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMetadataIsOfOneCommit holds that nobody can move metadata to another offset or log, as mirroring tools do, and that skips nothing
// there.
func TestMetadataIsOfOneCommit(t *testing.T) {
	t.Parallel()
	n := note(1000, Mark{}, headrace.OffsetRange{From: 1005, To: 1100})
	metadata, _ := new(Encoder).Encode(flights, n, brokerLimit)
	wantNote(t, n, metadata)
	for name, at := range map[string]struct {
		log    Log
		offset int64
	}{
		"another offset":         {flights, 1001},
		"an offset before":       {flights, 0},
		"another partition":      {Log{flights.Cluster, flights.Topic, 4}, 1000},
		"another cluster":        {Log{"mirror", flights.Topic, 3}, 1000},
		"both":                   {Log{"mirror", [16]byte{1}, 3}, 1000},
		"an offset that is none": {flights, -1},
	} {
		if got, err := Decode(at.log, at.offset, metadata); !errors.Is(err, ErrDamaged) || got.Done.End() != at.offset {
			t.Errorf("%s: got %v up to %d", name, err, got.Done.End())
		}
	}
}

// TestMetadataNamesItsTopic: an offset of a topic that was deleted is known by the topic's id.
func TestMetadataNamesItsTopic(t *testing.T) {
	t.Parallel()
	for _, n := range []*Note{
		{Done: NewDone(1000), Partitions: 6},
		{Done: NewDone(1000), Partitions: math.MaxInt32, Mark: Mark{Working: true, From: 1000, Reach: 2000}},
		note(1000, Mark{}, headrace.OffsetRange{From: 1005, To: 1100}),
	} {
		metadata, told := new(Encoder).Encode(flights, n, leastNamed)
		wantNote(t, n, metadata)
		if told != n.Done.End() {
			t.Errorf("%+v: told up to %d", n, told)
		}
		for _, topic := range [][16]byte{{1}, {}} {
			got, err := Decode(Log{flights.Cluster, topic, 3}, 1000, metadata)
			other, ok := errors.AsType[*OtherTopicError](err)
			if !ok || other.Topic != flights.Topic {
				t.Errorf("%+v in topic %x: %v", n, topic, err)
			}
			if diff := cmp.Diff(Note{Done: NewDone(1000)}, got, plainly); diff != "" {
				t.Error(diff)
			}
		}
	}
	// Brokers without topic ids, or with room for nothing, get what they got before.
	if metadata, _ := new(Encoder).Encode(Log{Partition: 3}, note(1000, Mark{}), brokerLimit); metadata != "" {
		t.Errorf("metadata %q of a topic without an id", metadata)
	}
	if metadata, _ := new(Encoder).Encode(flights, note(1000, Mark{}), leastNamed-1); metadata != "" {
		t.Errorf("metadata %q where there is no room", metadata)
	}
}

func TestNothingIsDoneBeyondTheLog(t *testing.T) {
	t.Parallel()
	n := note(1000, Mark{Working: true, From: 1000, Reach: 9000}, headrace.OffsetRange{From: 1005, To: 1100}, headrace.OffsetRange{From: 1200, To: 1 << 60})
	n.Cut(1250)
	want := note(1000, Mark{Working: true, From: 1000, Reach: 1250}, headrace.OffsetRange{From: 1005, To: 1100}, headrace.OffsetRange{From: 1200, To: 1250})
	if diff := cmp.Diff(want, n, plainly); diff != "" {
		t.Errorf("cut (-want +got):\n%s", diff)
	}
	n.Cut(900) // a log that has lost its end
	if n.Done.End() != 1000 || n.Mark.Reach != 1000 {
		t.Errorf("done up to %d, mark %+v", n.Done.End(), n.Mark)
	}
}

// FuzzDecode gives any payload the right checksum, else a fuzzer would not get behind it.
func FuzzDecode(f *testing.F) {
	var e Encoder
	for _, n := range []*Note{
		note(1000, Mark{Working: true, From: 1000, Reach: 5096}),
		note(1000, Mark{}, headrace.OffsetRange{From: 1001, To: 1002}, headrace.OffsetRange{From: 1300, To: 1600}),
		note(1000, Mark{Working: true, Alone: true, From: 1010, Reach: 1011, Deaths: 3}, headrace.OffsetRange{From: 1001, To: 1003}, headrace.OffsetRange{From: 1004, To: 1005}, headrace.OffsetRange{From: 1007, To: 1012}),
	} {
		payload, _ := e.pack(flights, true, n, n.Done.Beyond())
		f.Add(int64(1000), payload[0], append([]byte{}, payload[headBytes:]...))
	}
	f.Add(int64(0), byte(flagBitmap|flagDeflated), append([]byte{}, e.deflate(make([]byte, 1<<20), false)...))
	f.Fuzz(func(t *testing.T, offset int64, flags byte, body []byte) { // one at a time in each process, so that e serves all
		_, _ = Decode(flights, offset, prefix+string(body))
		payload := append([]byte{flags, 0, 0, 0, 0}, body...)
		sum := checksum(flights, offset, flags, body)
		payload[1], payload[2], payload[3], payload[4] = byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)
		n, err := Decode(flights, offset, text(payload))
		apart(t, &n.Done)
		if n.Done.Prefix() != offset {
			t.Fatalf("offset %d became %d", offset, n.Done.Prefix())
		}
		if ranges := len(n.Done.Beyond()); ranges > maxForm*8 {
			t.Fatalf("%d ranges", ranges)
		}
		if m := n.Mark; m != (Mark{}) && (m.From < offset || m.Reach < m.From || m.Deaths < 0 || m.Deaths > MaxDeaths) {
			t.Fatalf("mark %+v at offset %d", m, offset)
		}
		checkUse(t, &n)
		if err != nil {
			return
		}
		metadata, told := e.Encode(flights, &n, math.MaxInt16)
		if told == n.Done.End() && (n.Mark != (Mark{}) || len(n.Done.Beyond()) > 0) {
			wantNote(t, &n, metadata)
		}
	})
}
