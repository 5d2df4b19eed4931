package oauth

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"rsc.io/qr"
)

// TestNewDevice: whatever a device endpoint says, there are pauses between polls
// and an end, and nothing is opened that is no web address.
func TestNewDevice(t *testing.T) {
	const codes = `"device_code":"dc","user_code":"ABCD-EFGH","verification_uri":"https://id.example/device"`
	asked := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, test := range map[string]struct {
		more     string // after codes: the last of two fields counts
		interval time.Duration
		lifetime time.Duration
		link     string
		code     string // empty: ABCD-EFGH
		fault    string
	}{
		"least":                        {},
		"interval":                     {more: `"interval":7`, interval: 7 * time.Second},
		"interval, text":               {more: `"interval":"7"`, interval: 7 * time.Second},
		"interval, fraction":           {more: `"interval":2.5`, interval: 2500 * time.Millisecond},
		"interval, less than a second": {more: `"interval":0.1`},
		"interval, none":               {more: `"interval":0`},
		"interval, negative":           {more: `"interval":-1`},
		"interval, words":              {more: `"interval":"soon"`},
		"interval, null":               {more: `"interval":null`},
		"interval, list":               {more: `"interval":[1]`},
		"interval, NaN":                {more: `"interval":"NaN"`},
		"interval, a day":              {more: `"interval":86400`, interval: time.Minute},
		"interval, 1e300":              {more: `"interval":1e300`, interval: time.Minute},
		"interval, 1e400":              {more: `"interval":1e400`},
		"interval, infinite":           {more: `"interval":"Inf"`, interval: time.Minute},
		"lifetime":                     {more: `"expires_in":600`, lifetime: 10 * time.Minute},
		"lifetime, text":               {more: `"expires_in":"600"`, lifetime: 10 * time.Minute},
		"lifetime, none":               {more: `"expires_in":0`},
		"lifetime, negative":           {more: `"expires_in":-600`},
		"lifetime, words":              {more: `"expires_in":"never"`},
		"lifetime, a day":              {more: `"expires_in":86400`, lifetime: 30 * time.Minute},
		"lifetime, 1e300":              {more: `"expires_in":1e300`, lifetime: 30 * time.Minute},
		"complete":                     {more: `"verification_uri_complete":"https://id.example/d?a=b&c=ABCD-EFGH#x"`, link: "https://id.example/d?a=b&c=ABCD-EFGH#x"},
		"complete is http":             {more: `"verification_uri_complete":"http://id.example/d"`},
		"complete is a script":         {more: `"verification_uri_complete":"javascript:alert(1)"`},
		"complete is a file":           {more: `"verification_uri_complete":"file:///etc/passwd"`},
		"complete has no host":         {more: `"verification_uri_complete":"https:///x"`},
		"complete has a user":          {more: `"verification_uri_complete":"https://id.example@evil.example/"`},
		"complete has bidi":            {more: `"verification_uri_complete":"https://id.example/\u202e"`},
		"complete is long":             {more: `"verification_uri_complete":"https://id.example/` + strings.Repeat("x", 500) + `"`},
		"complete is a number":         {more: `"verification_uri_complete":7`},
		"address with a query":         {more: `"verification_uri":"https://id.example/?p=q"`, link: "https://id.example/?p=q"},
		"address with a fragment":      {more: `"verification_uri":"https://id.example/#/device"`, link: "https://id.example/#/device"},
		"address on loopback":          {more: `"verification_uri":"http://127.0.0.1:1/d"`, link: "http://127.0.0.1:1/d"},
		"address as Google calls it":   {more: `"verification_uri":null,"verification_url":"https://google.example/device"`, link: "https://google.example/device"},
		"address only complete":        {more: `"verification_uri":null,"verification_uri_complete":"https://id.example/d?c=ABCD-EFGH"`, link: "https://id.example/d?c=ABCD-EFGH"},
		"user_code is a number":        {more: `"user_code":12345678`, code: "12345678"},
		"no device_code":               {more: `"device_code":""`, fault: "without a device_code"},
		"device_code is a number":      {more: `"device_code":7`, fault: "without a device_code"},
		"no user_code":                 {more: `"user_code":null`, fault: "without a user_code"},
		"user_code of nothing to see":  {more: `"user_code":"\u001b\u202e\u0007 "`, fault: "without a user_code"},
		"user_code is long":            {more: `"user_code":"` + strings.Repeat("é", 65) + `"`, fault: "with a user_code of more than 64 characters"},
		"no verification_uri":          {more: `"verification_uri":""`, fault: "without a verification_uri"},
		"address is http":              {more: `"verification_uri":"http://id.example/"`, fault: "with a verification_uri that must not be opened: http://id.example/"},
		"address is a script":          {more: `"verification_uri":"javascript:alert(1)"`, fault: "must not be opened"},
		"address has no scheme":        {more: `"verification_uri":"id.example/device"`, fault: "must not be opened"},
		"address has a user":           {more: `"verification_uri":"https://id.example@evil.example/"`, fault: "must not be opened"},
		"address has ESC":              {more: `"verification_uri":"https://id.example/\u001b[2J"`, fault: "must not be opened: https://id.example/[2J"},
		"address has bidi":             {more: `"verification_uri":"https://id.example/\u202egro"`, fault: "must not be opened: https://id.example/gro"},
	} {
		t.Run(name, func(t *testing.T) {
			var fields map[string]json.RawMessage
			if err := json.Unmarshal([]byte("{"+strings.TrimSuffix(codes+","+test.more, ",")+"}"), &fields); err != nil {
				t.Fatal(err)
			}
			d, err := newDevice(fields, cleaner(nil), asked)
			if test.fault != "" {
				if err == nil || !strings.Contains(err.Error(), test.fault) || Printable(err.Error()) != err.Error() {
					t.Errorf("got %v, want to read of %q", err, test.fault)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			or := func(a, b time.Duration) time.Duration {
				if a != 0 {
					return a
				}
				return b
			}
			if want := or(test.interval, 5*time.Second); d.interval != want {
				t.Errorf("the interval is %s, want %s", d.interval, want)
			}
			if want := or(test.lifetime, 15*time.Minute); d.lifetime != want || !d.end.Equal(asked.Add(want)) {
				t.Errorf("it lives %s until %s, want %s", d.lifetime, d.end, want)
			}
			if want := test.link; d.link() != want && (want != "" || d.link() != "https://id.example/device") {
				t.Errorf("the link is %s, want %s", d.link(), want)
			}
			if d.code.Reveal() != "dc" || test.code == "" && d.userCode != "ABCD-EFGH" || test.code != "" && d.userCode != test.code {
				t.Errorf("got %+v", d)
			}
		})
	}
}

// TestPace: how long a device waits after each answer (RFC 8628 §3.5).
func TestPace(t *testing.T) {
	said := func(code string) error { return &Error{Code: code} }
	pending, slower, down := said("authorization_pending"), said("slow_down"), Temporary("it is down")
	const s = time.Second
	for name, test := range map[string]struct {
		interval time.Duration
		answers  []error
		want     []time.Duration
	}{
		"pending":                      {5 * s, []error{pending, pending}, []time.Duration{5 * s, 5 * s}},
		"slower, and slower for good":  {5 * s, []error{slower, pending, slower, pending, pending}, []time.Duration{10 * s, 10 * s, 15 * s, 15 * s, 15 * s}},
		"slower with 429":              {5 * s, []error{&Error{Class: ClassTemporary, Code: "slow_down"}, pending}, []time.Duration{10 * s, 10 * s}},
		"down":                         {5 * s, []error{down, down, down, down, down, pending, down}, []time.Duration{10 * s, 20 * s, 40 * s, 60 * s, 60 * s, 5 * s, 10 * s}},
		"down, with a long interval":   {60 * s, []error{slower, down, down}, []time.Duration{65 * s, 65 * s, 65 * s}},
		"down, and says for how long":  {5 * s, []error{&Error{Class: ClassTemporary, RetryAfter: 45 * s}, down, pending}, []time.Duration{45 * s, 20 * s, 5 * s}},
		"down, for less than we would": {5 * s, []error{&Error{Class: ClassTemporary, RetryAfter: s}}, []time.Duration{10 * s}},
		"slower after it was down":     {s, []error{down, down, slower, down}, []time.Duration{2 * s, 4 * s, 6 * s, 12 * s}},
	} {
		t.Run(name, func(t *testing.T) {
			p := pace{interval: test.interval}
			var got []time.Duration
			for _, err := range test.answers {
				wait, again := p.next(err)
				if !again {
					t.Fatalf("%v was the end", err)
				}
				got = append(got, wait)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
		})
	}
	for _, err := range []error{nil, said("access_denied"), said("expired_token"), said("invalid_grant"), said("teapot"), errors.New("the store is full")} {
		if _, again := (&pace{interval: s}).next(err); again {
			t.Errorf("%v is not the end", err)
		}
	}
}

// TestQRCode: what is drawn is the code, dark on light with its margin, and fits
// on a terminal.
func TestQRCode(t *testing.T) {
	for _, text := range []string{"https://id.example/device", "https://id.example/device?user_code=ABCD-EFGH", "A", strings.Repeat("x", 425)} {
		drawn := qrCode(text)
		code, err := qr.Encode(text, qr.L)
		if err != nil {
			t.Fatal(err)
		}
		width := code.Size + 8
		lines := strings.Split(strings.TrimSuffix(drawn, "\n"), "\n")
		if len(lines) != (width+1)/2 || width > 80 {
			t.Fatalf("%d lines for %d modules", len(lines), width)
		}
		for i, line := range lines {
			inner, ok := strings.CutPrefix(line, "\x1b[38;5;16;48;5;231m")
			inner, reset := strings.CutSuffix(inner, "\x1b[0m")
			cells := []rune(inner)
			if !ok || !reset || len(cells) != width {
				t.Fatalf("line %d is %q", i, line)
			}
			for x, cell := range cells {
				upper, lower := cell == '▀' || cell == '█', cell == '▄' || cell == '█'
				if upper != code.Black(x-4, 2*i-4) || lower != code.Black(x-4, 2*i-3) {
					t.Fatalf("line %d, column %d of %q is %q", i, x, text, cell)
				}
			}
		}
	}
	for _, text := range []string{strings.Repeat("x", 426), strings.Repeat("x", 5000)} {
		if got := qrCode(text); got != "" {
			t.Errorf("%d characters are drawn:\n%s", len(text), got)
		}
	}
}
