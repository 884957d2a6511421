package reader

import (
	"strings"
	"testing"
	"time"
)

func TestParseRange(t *testing.T) {
	t.Parallel()
	now := time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(text string) Position {
		t.Helper()
		parsed, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return AtTime(parsed)
	}
	for text, want := range map[string]Range{
		"start":                 {From: AtStart()},
		"end":                   {From: AtEnd()},
		"start:end":             {AtStart(), AtEnd()},
		":end":                  {To: AtEnd()},
		"47":                    {From: AtOffset(47)},
		"47:":                   {From: AtOffset(47)},
		":47":                   {To: AtOffset(47)},
		"10:20":                 {AtOffset(10), AtOffset(20)},
		"10:10":                 {AtOffset(10), AtOffset(10)},
		"+2":                    {From: AfterStart(2)},
		"-3":                    {From: BeforeEnd(3)},
		"-3:end":                {BeforeEnd(3), AtEnd()},
		"+1:-1":                 {AfterStart(1), BeforeEnd(1)},
		"@1700000000000":        {From: at("2023-11-14T22:13:20Z")},
		"@1700000000000:":       {From: at("2023-11-14T22:13:20Z")},
		"@1700000000":           {From: at("2023-11-14T22:13:20Z")},
		"@123456789":            {From: at("1973-11-29T21:33:09Z")},
		"@2022-02-14":           {From: at("2022-02-14T00:00:00Z")},
		"@2022-02-14:1h":        {at("2022-02-14T00:00:00Z"), at("2022-02-14T01:00:00Z")},
		"@2022-02-14:1d":        {at("2022-02-14T00:00:00Z"), at("2022-02-15T00:00:00Z")},
		"@2022-02-14T10:00:00Z": {From: at("2022-02-14T10:00:00Z")},
		"@2022-02-14T10:00:00Z:2022-02-14T11:30:00Z": {at("2022-02-14T10:00:00Z"), at("2022-02-14T11:30:00Z")},
		"@2022-02-14T10:00:00+02:00:30m":             {at("2022-02-14T08:00:00Z"), at("2022-02-14T08:30:00Z")},
		"@2022-02-14T10:00:00.250Z":                  {From: at("2022-02-14T10:00:00.250Z")},
		"@:2022-02-14T10:00:00Z":                     {To: at("2022-02-14T10:00:00Z")},
		"@:-1h":                                      {To: at("2024-03-01T11:00:00Z")},
		"@-48h:-24h":                                 {at("2024-02-28T12:00:00Z"), at("2024-02-29T12:00:00Z")},
		"@-2d:-1d12h":                                {at("2024-02-28T12:00:00Z"), at("2024-02-29T00:00:00Z")},
		"@-1m:end":                                   {at("2024-03-01T11:59:00Z"), AtEnd()},
	} {
		got, err := ParseRange(text, now)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got != want {
			t.Errorf("%s: got %v to %v, want %v to %v", text, got.From, got.To, want.From, want.To)
		}
	}
}

func TestParseRangeRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", ":", "@", "@:", "x", "--3", "+-3", "3x", "20:10", "1:2:3", "@12", "@yesterday", "@-1", "@+1h", "@-1h:-2h", "@:1h", "@2022-02-30",
		"@+170000000000", "9223372036854775808", "@-1h:--1h", "@1700000000000:start",
	} {
		if got, err := ParseRange(text, time.Now()); err == nil {
			t.Errorf("%q: got %v to %v", text, got.From, got.To)
		} else if !strings.Contains(err.Error(), "offset \""+text+"\": ") {
			t.Errorf("%q: the error does not name it: %v", text, err)
		}
	}
}

func TestPositionPrintsWhatIsParsed(t *testing.T) {
	t.Parallel()
	for _, p := range []Position{AtStart(), AtEnd(), AtOffset(47), AfterStart(2), BeforeEnd(3), AtTime(time.UnixMilli(1700000000000))} {
		r, err := ParseRange(p.String(), time.Now())
		if err != nil || r.From != p {
			t.Errorf("%v: got %v, %v", p, r.From, err)
		}
	}
	if got := (Position{}).String(); got != "" {
		t.Errorf("none prints %q", got)
	}
}

func TestTimesBefore1970AreTheStart(t *testing.T) {
	t.Parallel()
	now := time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC)
	for text, want := range map[string]Range{
		"@1960-01-01":                {From: AtStart()},
		"@1969-12-31T23:59:59.999Z":  {From: AtStart()},
		"@1969-12-31T23:59:59.9999Z": {From: AtStart()},
		"@1970-01-01":                {From: AtTime(time.UnixMilli(0))},
		"@1960-01-01:1960-06-01":     {From: AtStart(), To: AtStart()},
		"@1960-01-01:1970-01-01":     {From: AtStart(), To: AtTime(time.UnixMilli(0))},
		"@-40000d":                   {From: AtStart()},
		"@:1969-12-31T23:59:59.999Z": {To: AtStart()},
	} {
		got, err := ParseRange(text, now)
		if err != nil || got != want {
			t.Errorf("%s: got %v to %v, %v", text, got.From, got.To, err)
		}
	}
	for _, at := range []time.Time{{}, time.UnixMilli(-1), time.UnixMilli(-2), time.UnixMilli(-1 << 62)} {
		if AtTime(at) != AtStart() {
			t.Errorf("%v is %v", at, AtTime(at))
		}
	}
}
