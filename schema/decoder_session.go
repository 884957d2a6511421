package schema

import "context"

// DecoderSession is a [Decoder] in the hands of one goroutine. It has an event of its own to decode into and keeps between events what
// [Decoder.Decode] gets from a pool for each, so it is the quicker way through many events. Make it with [Decoder.Session]; it is not
// safe for concurrent use.
type DecoderSession[E Event] struct {
	decoder *Decoder[E]
	state   *decodeState
	event   E
	self    selfDecoder // event, when it decodes itself
	writer  Ref         // of plan
	plan    *decodePlan // the one used last, most often the next one too
}

// Session returns a session of d. Sessions share what d has learned of writers' schemas.
func (d *Decoder[E]) Session() *DecoderSession[E] {
	s := &DecoderSession[E]{decoder: d, state: d.states.Get().(*decodeState)}
	if d.own {
		s.self = any(&s.event).(selfDecoder)
	}
	return s
}

// Decode is [Decoder.Decode] into the session's event: the next call overwrites it, but nothing that it refers to, so that a plain copy
// of it may be kept. After an error the event is nil. Between calls the session refers to no byte of body.
func (s *DecoderSession[E]) Decode(ctx context.Context, writer Ref, body []byte) (*E, error) {
	if s.plan == nil || s.writer != writer {
		plan, err := s.decoder.planFor(ctx, writer)
		if err != nil {
			return nil, err
		}
		s.writer, s.plan = writer, plan
	}
	if err := s.decoder.run(s.state, s.plan, body, &s.event, s.self); err != nil {
		return nil, err
	}
	return &s.event, nil
}
