package oauthtest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// SetOdd is [Server.Odd] for scripts. Each word sets a field of the [Oddity]:
//
//	times=N when:PARAMETER=PATTERN first-refresh
//	rotate-keys refuse=VALUE error-status=N
//	rename:NAME=NAME drop:NAME set:NAME=VALUE
//	drop-claim:NAME claim:NAME=VALUE expired=DURATION sign=HS256|none|unknown-key|wrong-key
//	key:NAME=VALUE bad-x5c bad-x5t extra-keys
//	echo form trailing=TEXT bom content-type=TYPE no-content-type
//
// A VALUE is JSON, or a string if it is not valid JSON.
func (s *Server) SetOdd(kind string, words ...string) error {
	var o Oddity
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		name, key, _ := strings.Cut(name, ":")
		if err := o.set(name, key, value); err != nil {
			return fmt.Errorf("oauthtest: %q: %w", word, err)
		}
	}
	return s.odd(kind, o)
}

func (o *Oddity) set(name, key, value string) error {
	if keyed, ok := map[string]func(){
		"when":       func() { put(&o.When, key, value) },
		"rename":     func() { put(&o.Rename, key, value) },
		"set":        func() { put(&o.Set, key, jsonOrText(value)) },
		"claim":      func() { put(&o.Claims, key, jsonOrText(value)) },
		"key":        func() { put(&o.KeyMembers, key, jsonOrText(value)) },
		"drop":       func() { o.Drop = append(o.Drop, key) },
		"drop-claim": func() { o.DropClaims = append(o.DropClaims, key) },
	}[name]; ok {
		if key == "" {
			return fmt.Errorf("%s: needs a name", name)
		}
		keyed()
		return nil
	}
	if flag, ok := map[string]*bool{
		"first-refresh": &o.FirstRefresh, "rotate-keys": &o.RotateKeys, "bad-x5c": &o.BadX5C, "bad-x5t": &o.BadX5T,
		"extra-keys": &o.ExtraKeys, "echo": &o.Echo, "form": &o.Form, "bom": &o.BOM, "no-content-type": &o.NoContentType,
	}[name]; ok {
		*flag = true
		return nil
	}
	return o.setValue(name, value)
}

func (o *Oddity) setValue(name, value string) (err error) {
	switch name {
	case "times":
		o.Times, err = strconv.Atoi(value)
	case "error-status":
		o.ErrorStatus, err = strconv.Atoi(value)
	case "expired":
		o.ExpiredFor, err = time.ParseDuration(value)
	case "refuse":
		o.Refuse = jsonOrText(value)
	case "sign":
		o.Sign = Signature(value)
	case "trailing":
		o.Trailing = value
	case "content-type":
		o.ContentType = value
	default:
		err = fmt.Errorf("there is no oddity %s", name)
	}
	return err
}

func put[V any](m *map[string]V, key string, value V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = value
}

func jsonOrText(value string) any {
	var decoded any
	if json.Unmarshal([]byte(value), &decoded) != nil {
		return value
	}
	return decoded
}
