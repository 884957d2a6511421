package schema

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// exactInteger reads a JSON number that is an integer in another notation, such as 1.0 or 1e18. None is rounded.
func exactInteger(text string) (int64, bool) {
	const longest = 100 // more zeros than a long has digits, and few enough to compute with
	if _, exponent, ok := strings.Cut(strings.ToLower(text), "e"); ok {
		if n, err := strconv.Atoi(exponent); err != nil || n < -longest || n > longest {
			return 0, false
		}
	}
	if len(text) > longest {
		return 0, false
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok || !r.IsInt() || !r.Num().IsInt64() {
		return 0, false
	}
	return r.Num().Int64(), true
}

// twosComplement writes v, big-endian, in size bytes, which must hold it (Avro specification, "Decimal").
func twosComplement(v *big.Int, size int) []byte {
	b := make([]byte, size)
	if v.Sign() >= 0 {
		return v.FillBytes(b)
	}
	modulus := new(big.Int).Lsh(big.NewInt(1), uint(8*size))
	return modulus.Add(modulus, v).FillBytes(b)
}

// twosComplementLen is the least number of bytes for v.
func twosComplementLen(v *big.Int) int {
	if v.Sign() >= 0 {
		return v.BitLen()/8 + 1
	}
	// -2^(8n-1) fits n bytes, although its magnitude has 8n bits.
	return new(big.Int).Not(v).BitLen()/8 + 1
}

// fromTwosComplement reads what twosComplement wrote. No bytes are 0.
func fromTwosComplement(b []byte) *big.Int {
	v := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return v
}

func powerOfTen(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// unscaled returns r times 10^scale. It refuses to round: a decimal event field is money more often than not.
func unscaled(r *big.Rat, n *node) (*big.Int, error) {
	v := new(big.Int).Mul(r.Num(), powerOfTen(n.scale))
	v, rest := v.QuoRem(v, r.Denom(), new(big.Int))
	if rest.Sign() != 0 {
		return nil, fmt.Errorf("%s has more than the %d decimal places of decimal(%d,%d)", ratText(r), n.scale, n.precision, n.scale)
	}
	if v.CmpAbs(powerOfTen(n.precision)) >= 0 {
		return nil, fmt.Errorf("%s has more than the %d digits of decimal(%d,%d)", ratText(r), n.precision, n.precision, n.scale)
	}
	return v, nil
}

func ratText(r *big.Rat) string {
	if r.Num().BitLen()+r.Denom().BitLen() > 2048 {
		return "a number"
	}
	return r.RatString()
}

// appendUnscaled appends an unscaled decimal as n's bytes or fixed.
func appendUnscaled(dst []byte, v *big.Int, n *node) ([]byte, error) {
	if n.kind == kindFixed {
		if twosComplementLen(v) > n.size {
			return dst, fmt.Errorf("it does not fit the %d bytes of fixed %s", n.size, n.name)
		}
		return append(dst, twosComplement(v, n.size)...), nil
	}
	return append(dst, twosComplement(v, twosComplementLen(v))...), nil
}
