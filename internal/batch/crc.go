package batch

import "hash/crc32"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A CRC is a polynomial over GF(2), bits reversed: the top bit is x^0. The CRC of bytes A followed by n bytes B is the
// sum of B's own and of A's times x^8n. So when only A changes, the new CRC comes from the old one in the time that x^8n
// takes, whatever B's length.

// crcShift returns the CRC-32C polynomial crc times x^8n, modulo Castagnoli's polynomial.
func crcShift(crc uint32, n int) uint32 {
	power := uint32(1) << (31 - 8) // x^8, then squared for each bit of n
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			crc = crcMultiply(crc, power)
		}
		power = crcMultiply(power, power)
	}
	return crc
}

func crcMultiply(a, b uint32) uint32 {
	var product uint32
	for ; a != 0; a <<= 1 {
		product ^= b & -(a >> 31)
		b = b>>1 ^ crc32.Castagnoli&-(b&1) // times x
	}
	return product
}
