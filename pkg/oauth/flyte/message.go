package flyte

import "encoding/binary"

// message is a protocol buffers message of strings and lists of strings, by the
// numbers of its fields. flyteidl would be 7 MB of the program, and protowire's
// package reads the whole program at each start.
type message map[int][]string

// text is a field that does not repeat: the last one holds.
func (m message) text(number int) string {
	if values := m[number]; len(values) > 0 {
		return values[len(values)-1]
	}
	return ""
}

// The wire types: https://protobuf.dev/programming-guides/encoding/
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

// mostFields is more than any such message has.
const mostFields = 1 << 12

// decodeMessage reads b. It passes over what is no string, and reports whether all
// of b could be read.
func decodeMessage(b []byte) (message, bool) {
	m := message{}
	for n := 0; len(b) > 0; n++ {
		tag, size := binary.Uvarint(b)
		number := tag >> 3
		if size <= 0 || number == 0 || number > 1<<29-1 || n == mostFields {
			return nil, false
		}
		value, rest, ok := cutField(b[size:], int(tag&7))
		if !ok {
			return nil, false
		}
		if tag&7 == wireBytes {
			m[int(number)] = append(m[int(number)], string(value))
		}
		b = rest
	}
	return m, true
}

// cutField takes a field's value off b.
func cutField(b []byte, wire int) (value, rest []byte, ok bool) {
	length := uint64(0)
	switch wire {
	case wireVarint:
		_, size := binary.Uvarint(b)
		return nil, b[max(size, 0):], size > 0
	case wire64:
		length = 8
	case wire32:
		length = 4
	case wireBytes:
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return nil, nil, false
		}
		length, b = n, b[size:]
	default: // groups are long out of use
		return nil, nil, false
	}
	if length > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:length], b[length:], true
}
