package codec

import (
	"fmt"
	"math/big"
)

// DecimalError says that a decimal does not fit its Avro type without loss.
type DecimalError struct {
	Value     string
	Precision int
	Scale     int
}

func (e *DecimalError) Error() string {
	return fmt.Sprintf("%s does not fit decimal(%d,%d) without loss", e.Value, e.Precision, e.Scale)
}

// AppendDecimal appends v as bytes-backed decimal: the two's complement, big
// endian, of v times ten to the scale. It never rounds: a v with more digits
// than precision, or more decimals than scale, is a *DecimalError, and nil is
// ErrNilDecimal.
func AppendDecimal(dst []byte, v *big.Rat, precision, scale int) ([]byte, error) {
	unscaled, err := unscale(v, precision, scale)
	if err != nil {
		return dst, err
	}
	size := 1
	if unscaled.Sign() != 0 {
		size = unscaled.BitLen()/8 + 1
	}
	return appendTwos(AppendLong(dst, int64(size)), unscaled, size), nil
}

// AppendDecimalFixed appends v as a decimal backed by a fixed of size bytes, on
// the terms of AppendDecimal.
func AppendDecimalFixed(dst []byte, v *big.Rat, size, precision, scale int) ([]byte, error) {
	unscaled, err := unscale(v, precision, scale)
	if err != nil {
		return dst, err
	}
	if unscaled.BitLen()/8+1 > size {
		return dst, &DecimalError{v.RatString(), precision, scale}
	}
	return appendTwos(dst, unscaled, size), nil
}

func unscale(v *big.Rat, precision, scale int) (*big.Int, error) {
	if v == nil {
		return nil, ErrNilDecimal
	}
	unscaled, rest := new(big.Int).QuoRem(new(big.Int).Mul(v.Num(), pow10(scale)), v.Denom(), new(big.Int))
	if rest.Sign() != 0 || unscaled.CmpAbs(pow10(precision)) >= 0 {
		return nil, &DecimalError{v.RatString(), precision, scale}
	}
	return unscaled, nil
}

// pow10 returns ten to the n, for small n without computing it.
func pow10(n int) *big.Int {
	const fits = 18 // an int64
	if n > fits {
		return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	}
	power := int64(1)
	for range n {
		power *= 10
	}
	return big.NewInt(power)
}

// appendTwos appends i in size bytes, which the caller has found to be enough.
func appendTwos(dst []byte, i *big.Int, size int) []byte {
	if i.Sign() < 0 {
		i = new(big.Int).Add(i, new(big.Int).Lsh(big.NewInt(1), uint(size)*8))
	}
	n := len(dst)
	dst = append(dst, make([]byte, size)...)
	i.FillBytes(dst[n:])
	return dst
}

// Decimal reads a bytes-backed decimal and refuses one of no bytes, or of more
// digits than precision. Padding with bytes of the sign is taken.
func (r *Reader) Decimal(precision, scale int) *big.Rat {
	return r.decimal(r.view(), precision, scale)
}

// DecimalFixed reads a decimal backed by a fixed of size bytes, on the terms of
// Decimal.
func (r *Reader) DecimalFixed(size, precision, scale int) *big.Rat {
	return r.decimal(r.take(size), precision, scale)
}

func (r *Reader) decimal(b []byte, precision, scale int) *big.Rat {
	if r.err != nil {
		return nil
	}
	digits := unpad(b)
	// A decimal digit is log2(10)/8, less than 1/2, of a byte: what is longer is refused before it is computed.
	if len(digits) == 0 || len(digits) > precision/2+2 {
		r.refuse(b)
		return nil
	}
	i := new(big.Int).SetBytes(digits)
	if digits[0]&0x80 != 0 {
		i.Sub(i, new(big.Int).Lsh(big.NewInt(1), uint(len(digits))*8))
	}
	if i.CmpAbs(pow10(precision)) >= 0 {
		r.refuse(b)
		return nil
	}
	return new(big.Rat).SetFrac(i, pow10(scale))
}

func (r *Reader) refuse(b []byte) {
	r.pos -= len(b)
	r.Fail("decimal has no bytes, or more digits than its precision")
}

// unpad cuts leading bytes that only repeat the sign.
func unpad(b []byte) []byte {
	for len(b) > 1 && (b[0] == 0 && b[1]&0x80 == 0 || b[0] == 0xff && b[1]&0x80 != 0) {
		b = b[1:]
	}
	return b
}
