package faults

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// illness is how a registry answers while it is ill.
type illness func(http.ResponseWriter, *http.Request)

// patient is a registry that can be made ill, for everybody or for those who ask for one schema.
type patient struct {
	url  string
	well http.Handler

	mu       sync.Mutex
	illness  illness
	byID     map[string]illness
	calls    int
	callsFor map[string]int
	ended    chan struct{}
}

// patient puts itself before the registry at base, until the trial ends.
func (t *trial) patient(base string) *patient {
	t.Helper()
	target, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	p := &patient{
		byID: map[string]illness{}, callsFor: map[string]int{}, ended: make(chan struct{}),
		well: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Del("Authorization")
		}},
	}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(p.ended) })
	p.url = server.URL
	return p
}

// ServeHTTP answers as the illness says, and otherwise as the registry does.
func (p *patient) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/schemas/ids/"), "/")
	p.mu.Lock()
	p.calls++
	p.callsFor[id]++
	ill := p.illness
	if of := p.byID[id]; of != nil {
		ill = of
	}
	p.mu.Unlock()
	if ill != nil {
		ill(w, r)
		return
	}
	p.well.ServeHTTP(w, r)
}

// infect makes the registry ill for everybody.
func (p *patient) infect(i illness) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.illness = i
}

// infectID makes it ill for those who ask for one schema.
func (p *patient) infectID(id string, i illness) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byID[id] = i
}

// heal makes it well again.
func (p *patient) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.illness, p.byID = nil, map[string]illness{}
}

// asked returns how many calls there were, in all and for one schema.
func (p *patient) asked(id string) (all, forID int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls, p.callsFor[id]
}

// gone hangs up without a word, as a host does whose process has died.
func gone(w http.ResponseWriter, _ *http.Request) {
	if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = c.Close()
	}
}

func status(code int) illness {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "not today", code) }
}

// stall says nothing until its client, or the trial, is gone.
func (p *patient) stall(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-p.ended:
	}
}

// drip sends a byte now and then.
func (p *patient) drip(w http.ResponseWriter, r *http.Request) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_, _ = w.Write([]byte(" "))
			_ = http.NewResponseController(w).Flush()
		case <-r.Context().Done():
			return
		case <-p.ended:
			return
		}
	}
}

// flood sends two gigabytes, or as much as is taken.
func flood(w http.ResponseWriter, _ *http.Request) {
	chunk := []byte(strings.Repeat(" ", 1<<20))
	for range 2 << 10 {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// nonsense is JSON of another shape.
func nonsense(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte(`[{"schema": 7}]`))
}

func redirect(to string) illness {
	return func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, to+r.URL.Path, http.StatusTemporaryRedirect)
	}
}
