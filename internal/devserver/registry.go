package devserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/twmb/franz-go/pkg/sr/srfake"
)

// maxBody bounds a request's body. A schema of a megabyte is a mistake.
const maxBody = 1 << 20

// registry answers the Confluent registry API: srfake keeps subjects, versions and ids; what stands in front checks
// schemas and their compatibility, holds the levels, and writes every change to the journal before it is answered.
//
// https://docs.confluent.io/platform/current/schema-registry/develop/api.html
type registry struct {
	mux     *http.ServeMux
	fake    http.Handler
	levels  levels
	journal *journal

	// Readers hold mu for reading and a change holds it until it is on disk, so that nobody sees an id that a crash
	// could take back.
	mu sync.RWMutex
	// broken is set when a change could not be written: memory is then ahead of the disk, and every later id would
	// differ after a restart.
	broken error
}

// request is what a handler needs of an HTTP request.
type request struct {
	*http.Request
	body []byte
}

// reply is an answer not yet sent. Changed says that the registry is no longer what it was; ID is the schema's id
// when the change registered one.
type reply struct {
	status  int
	body    []byte
	changed bool
	id      int
}

// openRegistry returns a registry with the changes of the journal in path applied; an empty path keeps all in memory.
func openRegistry(path string) (*registry, error) {
	r := &registry{mux: http.NewServeMux(), fake: srfake.NewRegistry().Handler(), levels: newLevels()}
	r.handle("POST /subjects/{subject}/versions", r.register)
	r.handle("POST /subjects/{subject}", r.lookup)
	r.handle("POST /compatibility/subjects/{subject}/versions", r.checkAll)
	r.handle("POST /compatibility/subjects/{subject}/versions/{version}", r.checkOne)
	r.handle("GET /config", r.getLevel)
	r.handle("PUT /config", r.putLevel)
	r.handle("GET /config/{subject}", r.getSubjectLevel)
	r.handle("PUT /config/{subject}", r.putLevel)
	r.handle("DELETE /config/{subject}", r.deleteSubjectLevel)
	r.handle("/contexts/", func(request) reply {
		return fail(http.StatusNotFound, 404, "contexts are not supported by the development registry")
	})
	r.handle("GET /schemas/ids/{id}", r.byID)
	r.handle("/", r.forward)
	if path == "" {
		return r, nil
	}
	var err error
	r.journal, err = openJournal(path, r.replay)
	return r, err
}

// ServeHTTP answers one request. It may run in many goroutines at once.
func (r *registry) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.mux.ServeHTTP(w, req) }

func (r *registry) handle(pattern string, fn func(request) reply) {
	r.mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
		if err != nil {
			send(w, fail(http.StatusRequestEntityTooLarge, http.StatusRequestEntityTooLarge, err.Error()))
			return
		}
		if req.Method == http.MethodDelete {
			body = nil // it means nothing, whatever it is
		}
		if len(body) > 0 && !json.Valid(body) {
			// The journal keeps bodies as JSON.
			send(w, fail(http.StatusUnprocessableEntity, 42201, "the body is not JSON"))
			return
		}
		send(w, r.serve(fn, request{Request: req, body: body}))
	})
}

func (r *registry) serve(fn func(request) reply, req request) reply {
	if req.Method == http.MethodGet || req.Method == http.MethodHead {
		r.mu.RLock()
		defer r.mu.RUnlock()
	} else {
		r.mu.Lock()
		defer r.mu.Unlock()
	}
	if r.broken != nil {
		return fail(http.StatusInternalServerError, 50001,
			fmt.Sprintf("registry data cannot be written (%v): free the disk and restart the server", r.broken))
	}
	rep := fn(req)
	if !rep.changed {
		return rep
	}
	c := change{Method: req.Method, Target: req.URL.RequestURI(), Body: req.body, ID: rep.id}
	if err := r.journal.append(c); err != nil {
		r.broken = err
		return fail(http.StatusInternalServerError, 50001, fmt.Sprintf("registry data cannot be written: %v", err))
	}
	return rep
}

// replay applies a change of an earlier run.
func (r *registry) replay(c change) error {
	req, err := http.NewRequest(c.Method, "http://registry"+c.Target, bytes.NewReader(c.Body)) //nolint:noctx // no I/O
	if err != nil {
		return err
	}
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	r.mux.ServeHTTP(rec, req)
	rep := rec.reply()
	if rep.status >= 300 {
		return fmt.Errorf("%s %s: %d %s", c.Method, c.Target, rep.status, rep.body)
	}
	if id := schemaID(rep.body); c.ID != 0 && id != c.ID {
		return fmt.Errorf("%s %s: schema id was %d and is now %d", c.Method, c.Target, c.ID, id)
	}
	return nil
}

func (r *registry) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.journal.close()
}

// byID answers which schema an id names. A subject beside the id says in which context to look, and there is but one. srfake would not find
// ids that another subject has.
func (r *registry) byID(req request) reply {
	target := *req.URL
	query := target.Query()
	query.Del("subject")
	target.RawQuery = query.Encode()
	return r.ask(req.Method, target.RequestURI(), nil)
}

// forward hands a request to srfake unchanged.
func (r *registry) forward(req request) reply {
	rep := r.ask(req.Method, req.URL.RequestURI(), req.body)
	rep.changed = rep.status < 300 && req.Method != http.MethodGet && req.Method != http.MethodHead
	return rep
}

// ask puts a question of our own to srfake.
func (r *registry) ask(method, target string, body []byte) reply {
	req, err := http.NewRequest(method, "http://registry"+target, bytes.NewReader(body)) //nolint:noctx // no I/O
	if err != nil {
		return fail(http.StatusBadRequest, http.StatusBadRequest, err.Error())
	}
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	r.fake.ServeHTTP(rec, req)
	return rec.reply()
}

// subjectPath is the path of a subject, whose name may hold any character.
func subjectPath(subject string) string { return "/subjects/" + url.PathEscape(subject) }

// recorder keeps what a handler writes.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header         { return w.header }
func (w *recorder) WriteHeader(status int)      { w.status = status }
func (w *recorder) Write(p []byte) (int, error) { return w.body.Write(p) }
func (w *recorder) reply() reply                { return reply{status: w.status, body: w.body.Bytes()} }

func send(w http.ResponseWriter, rep reply) {
	w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	w.WriteHeader(rep.status)
	_, _ = w.Write(rep.body) // the client is gone: nobody to tell
}

// answer is a successful reply.
func answer(v any) reply {
	body, err := json.Marshal(v)
	if err != nil {
		return fail(http.StatusInternalServerError, 50001, err.Error())
	}
	return reply{status: http.StatusOK, body: append(body, '\n')}
}

// fail is an error in the registry's own form.
func fail(status, code int, message string) reply {
	rep := answer(struct {
		Code    int    `json:"error_code"`
		Message string `json:"message"`
	}{code, message})
	rep.status = status
	return rep
}

// schemaID reads the id in the answer to a registration; 0 when there is none.
func schemaID(body []byte) int {
	var v struct {
		ID int `json:"id"`
	}
	if json.Unmarshal(body, &v) != nil {
		return 0
	}
	return v.ID
}
