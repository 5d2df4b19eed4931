package cache

import (
	"encoding/binary"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// A saved set is written field by field: its number, its length and its bytes.
// encoding/json examines the types first, in each process, which would be a fifth of the
// time of a warm answer.

// field is a field of a saved set: its number, which never gets another meaning, and a
// pointer to its value: a *string, *[]string, *bool or *time.Time.
type field struct {
	number uint64
	value  any
}

// tokenFields returns those of a token set. An [oauth.Secret] is written on purpose.
func tokenFields(t *oauth.Token) []field {
	s := &t.Server
	return []field{
		{1, (*string)(&t.AccessToken)}, {2, (*string)(&t.RefreshToken)}, {3, (*string)(&t.IDToken)},
		{4, &t.Expiry}, {5, &t.Obtained}, {6, &t.Renewed}, {7, &t.IDExpiry}, {8, &t.IDObtained},
		{9, &t.Scopes}, {10, &t.Subject}, {11, &t.Account}, {12, &t.IDFault.Reason}, {13, &t.IDFault.Retry},
		{20, &s.Issuer}, {21, &s.AuthorizationEndpoint}, {22, &s.TokenEndpoint}, {23, &s.RevocationEndpoint}, {24, &s.KeysURI},
		{25, &s.Scopes}, {26, &s.Challenges}, {27, &s.TokenAuthMethods}, {28, &s.IDTokenAlgorithms},
		{29, &s.IssuerInResponse}, {30, &s.RequiresPushed},
		{31, &s.ClientID}, {32, &s.HeaderKey}, {33, &s.DeviceEndpoint}, {34, &s.Plaintext},
	}
}

func (h *Header) fields() []field {
	return []field{{1, &h.Server}, {2, &h.Client}, {3, &h.Account}, {4, &h.Item}, {5, &h.Key}, {6, &h.Sum}, {7, &h.Grant}, {8, &h.SecretSum}}
}

func encode(t *oauth.Token) []byte {
	return encodeFields(tokenFields(t))
}

func decode(text []byte) (*oauth.Token, error) {
	t := &oauth.Token{}
	if !decodeFields(text, tokenFields(t)) || t.AccessToken == "" && t.IDToken == "" && t.RefreshToken == "" && t.IDFault.Reason == "" {
		return nil, errDamaged
	}
	return t, nil
}

// encodeFields leaves out fields that are not set.
func encodeFields(fields []field) (b []byte) {
	add := func(f field, text string) {
		b = appendText(binary.AppendUvarint(b, f.number), text)
	}
	for _, f := range fields {
		switch v := f.value.(type) {
		case *string:
			if *v != "" {
				add(f, *v)
			}
		case *[]string:
			for _, s := range *v {
				add(f, s)
			}
		case *bool:
			if *v {
				add(f, "")
			}
		case *time.Time:
			if !v.IsZero() {
				text, err := v.UTC().MarshalBinary()
				if err != nil {
					panic(err) // UTC has no odd offset
				}
				add(f, string(text))
			}
		}
	}
	return b
}

// decodeFields reports whether b could be read. An unknown number is skipped: a later
// version may have written it.
func decodeFields(b []byte, fields []field) bool {
	for len(b) > 0 {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return false
		}
		text, rest, ok := cutText(b[size:])
		if !ok || !setField(fields, n, text) {
			return false
		}
		b = rest
	}
	return true
}

// appendText writes a text with its length before it.
func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// cutText is the inverse of appendText.
func cutText(b []byte) (text, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, false
	}
	return b[size : size+int(n)], b[size+int(n):], true
}

func setField(fields []field, n uint64, text []byte) bool {
	for _, f := range fields {
		if f.number != n {
			continue
		}
		switch v := f.value.(type) {
		case *string:
			*v = string(text)
		case *[]string:
			*v = append(*v, string(text))
		case *bool:
			*v = true
		case *time.Time:
			return v.UnmarshalBinary(text) == nil
		}
	}
	return true
}
