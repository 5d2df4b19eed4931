package flyte

import "encoding/binary"

// message is a protocol buffers message of strings and lists of strings, by field number.
// flyteidl would add 7 MB to the program, and the package of protowire reads the whole
// program at each start.
type message map[int][]string

// text returns a field that is not repeated: of several values the last one counts.
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

// maxFields is the limit for the number of fields in a message.
const maxFields = 1 << 12

// decodeMessage decodes b. It skips fields that are not strings, and reports whether all of
// b could be decoded.
func decodeMessage(b []byte) (message, bool) {
	m := message{}
	for n := 0; len(b) > 0; n++ {
		tag, size := binary.Uvarint(b)
		number := tag >> 3
		if size <= 0 || number == 0 || number > 1<<29-1 || n == maxFields {
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

// cutField returns the value of the field at the start of b, and the rest of b.
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
	default: // a group, which is deprecated
		return nil, nil, false
	}
	if length > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:length], b[length:], true
}
