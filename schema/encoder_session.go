package schema

// EncoderSession is an [Encoder] in the hands of one goroutine at a time, which encodes the event that lies in it. It keeps between
// events what [Encoder.Append] gets from a pool for each, so it is the quicker way through many events. Make it with
// [Encoder.Session]; it is not safe for concurrent use.
type EncoderSession[E Event] struct {
	Event E

	encoder *Encoder[E]
	self    appender // Event, when it encodes itself
	state   encodeState
}

// Session returns a session of c, with the zero event in it.
func (c *Encoder[E]) Session() *EncoderSession[E] {
	s := &EncoderSession[E]{encoder: c}
	if c.own {
		s.self = any(&s.Event).(appender)
	}
	return s
}

// Append is [Encoder.Append] of the session's event.
func (s *EncoderSession[E]) Append(dst []byte) ([]byte, error) {
	if s.self != nil {
		out, err := s.self.AppendAvro(dst)
		if err == nil && len(out)-len(dst) <= MaxValueBytes {
			return out, nil
		}
		return s.encoder.checkOwn(dst, out, err)
	}
	return s.encoder.appendBound(&s.state, dst, &s.Event)
}
