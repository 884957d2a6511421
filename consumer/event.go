package consumer

import (
	"github.com/headrace/headrace/schema"
)

type eventKey struct{}

// event is one record on its way through a handler.
type event struct {
	key, body []byte
	ref       schema.Ref
}

func (e *event) info() Info { return Info{} }
func (e *event) decoded()   {}

// decodeError marks an error of decoding, which is not the handler's.
type decodeError struct{ err error }

func (e *decodeError) Error() string { return e.err.Error() }
func (e *decodeError) Unwrap() error { return e.err }
