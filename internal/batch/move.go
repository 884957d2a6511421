package batch

// MoveLast takes the last ended record out of b and appends it to another batch, so that the record which took b over a
// size limit begins the next one. Only the record ended last can be moved, once; without one nothing happens. It returns
// what End of the other batch returns; on an error the record stays in b. An open record of either batch is aborted.
func (b *Builder) MoveLast(to *Builder) (recordSize int, err error) {
	b.open = false
	if b.count == 0 || b.last == len(b.buf) {
		return 0, nil
	}
	p := b.buf[b.last:]
	_, size := varint(p)
	p = p[size+1:]
	delta, size := varint(p)
	p = p[size:]
	_, size = varint(p)
	key, p := cutBytes(p[size:])
	valueLength, _ := varint(p)
	value, headers := cutBytes(p)

	dst := to.Begin(b.first+delta, key)
	dst = append(dst, value...)
	recordSize, err = to.end(append(dst, headers...), valueLength)
	if err != nil {
		return 0, err
	}
	b.buf, b.max = b.buf[:b.last], b.prior // b.last is now the end: there is no record to move
	b.count--
	return recordSize, nil
}

// MoveTo lets the batch go on in buf, from its start, and returns the buffer it was in, which the caller may use again. An open record
// is aborted.
func (b *Builder) MoveTo(buf []byte) (old []byte) {
	b.open = false
	old, b.buf = b.buf, append(buf[:0], b.buf...)
	return old[:0]
}
