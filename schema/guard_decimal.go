package schema

import (
	"fmt"
)

func (s *scan) decimal(st *step) *DataError {
	size := int64(st.min)
	if st.code == stepDecimal {
		var err *DataError
		if size, err = s.long(); err != nil {
			return err
		}
		if size < 1 {
			return s.fail("a decimal of no bytes")
		}
	}
	if size > int64(len(s.src)-s.pos) {
		return s.fail(reasonTruncated)
	}
	bounds := &s.guard.decimals[st.arg]
	if !bounds.hold(s.src[s.pos : s.pos+int(size)]) {
		return s.fail(fmt.Sprintf("a decimal has more than %d digits", bounds.precision))
	}
	s.pos += int(size)
	return nil
}

// hold reports whether b, in two's complement, lies between the bounds. Numbers of one sign and one length compare as bytes.
func (d *decimalBounds) hold(b []byte) bool {
	bound, sign := d.highest, byte(0)
	if b[0]&0x80 != 0 {
		bound, sign = d.lowest, 0xff
	}
	for len(b) > len(bound) {
		if b[0] != sign {
			return false
		}
		b = b[1:]
	}
	if len(b) < len(bound) {
		return true
	}
	if b[0]&0x80 != sign&0x80 {
		return false
	}
	for i := range b {
		if b[i] != bound[i] {
			return (b[i] < bound[i]) == (sign == 0)
		}
	}
	return true
}
