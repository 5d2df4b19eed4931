package flyte

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeMessage(t *testing.T) {
	field := func(number, wire uint64, rest ...byte) []byte {
		return append(binary.AppendUvarint(nil, number<<3|wire), rest...)
	}
	for name, test := range map[string]struct {
		bytes []byte
		want  message
	}{
		"nothing":                {nil, message{}},
		"both kinds":             {encode(server()), server()},
		"an empty text":          {field(1, wireBytes, 0), message{1: {""}}},
		"numbers between":        {bytes.Join([][]byte{field(1, wireVarint, 0x80, 1), field(2, wire64, 1, 2, 3, 4, 5, 6, 7, 8), field(3, wire32, 1, 2, 3, 4), field(4, wireBytes, 1, 'x')}, nil), message{4: {"x"}}},
		"the highest number":     {field(1<<29-1, wireBytes, 1, 'x'), message{1<<29 - 1: {"x"}}},
		"number 0":               {field(0, wireBytes, 0), nil},
		"a number too high":      {field(1<<29, wireBytes, 0), nil},
		"half a tag":             {[]byte{0x80}, nil},
		"a tag without end":      {bytes.Repeat([]byte{0xff}, 20), nil},
		"no length":              {field(1, wireBytes), nil},
		"half a length":          {field(1, wireBytes, 0x80), nil},
		"more than is there":     {field(1, wireBytes, 2, 'x'), nil},
		"far more than is there": {field(1, wireBytes, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1), nil},
		"half a number":          {field(1, wireVarint, 0x80), nil},
		"a short 64":             {field(1, wire64, 1, 2, 3, 4, 5, 6, 7), nil},
		"a short 32":             {field(1, wire32, 1, 2, 3), nil},
		"a group":                {field(1, 3), nil},
		"the end of a group":     {field(1, 4), nil},
		"type 6":                 {field(1, 6), nil},
		"too many":               {bytes.Repeat(field(1, wireBytes, 0), maxFields+1), nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := decodeMessage(test.bytes)
			if ok != (test.want != nil) {
				t.Errorf("it is read: %t", ok)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestText(t *testing.T) {
	if got := (message{1: {"a", "b"}}).text(1); got != "b" {
		t.Errorf("of two the last does not hold, but %q", got)
	}
	if got := message(nil).text(1); got != "" {
		t.Errorf("nothing is %q", got)
	}
}

func TestDecodeFrame(t *testing.T) {
	whole := frame(encode(own()))
	if m, err := decodeFrame(whole); err != nil || !cmp.Equal(m, own()) {
		t.Errorf("%v, %v", m, err)
	}
	for _, test := range []struct {
		body  []byte
		words string
	}{
		{nil, "a truncated message"},
		{whole[:4], "a truncated message"},
		{append([]byte{1}, whole[1:]...), "a compressed message"},
		{[]byte{2, 0, 0, 0, 0}, "a compressed message"},
		{whole[:len(whole)-1], "whose length is not"},
		{append(bytes.Clone(whole), 0), "whose length is not"},
		{append(bytes.Clone(whole), whole...), "whose length is not"},
		{[]byte{0, 0xff, 0xff, 0xff, 0xff}, "whose length is not"},
		{frame([]byte{0xff}), "cannot be decoded"},
	} {
		if m, err := decodeFrame(test.body); err == nil || m != nil || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%x: %v, %v, want %q", test.body, m, err, test.words)
		}
	}
}

// FuzzMessage: whatever the bytes, they are read or refused, and what was read comes
// back when it is written.
func FuzzMessage(f *testing.F) {
	for _, seed := range [][]byte{nil, encode(server()), encode(own()), {0x80}, {0x0a, 0xff}, {0x08, 0x01}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, ok := decodeMessage(b)
		framed, err := decodeFrame(frame(b))
		if ok != (err == nil) || !cmp.Equal(m, framed) {
			t.Fatalf("%x is %v, and in a frame %v: %v", b, m, framed, err)
		}
		_, _ = decodeFrame(b)
		if !ok {
			return
		}
		again, ok := decodeMessage(encode(m))
		if !ok || !cmp.Equal(m, again) {
			t.Fatalf("%x is %v, which comes back as %v", b, m, again)
		}
	})
}

// FuzzEncode: what is written is what is read.
func FuzzEncode(f *testing.F) {
	f.Add(1, "a", 3, "b")
	f.Fuzz(func(t *testing.T, n int, a string, o int, b string) {
		const some = 1<<28 - 1
		n, o = n&some+1, o&some+1
		want := message{}
		want[n] = append(want[n], a)
		want[o] = append(want[o], b)
		if got, ok := decodeMessage(encode(want)); !ok || !cmp.Equal(want, got) {
			t.Fatalf("%v comes back as %v", want, got)
		}
	})
}
