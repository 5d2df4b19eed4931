package flyte

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIsTrue(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, " ": false, "false": false, "False": false, "FALSE": false, "0": false, "off": false, "OFF": false, "no": false, "No": false,
		"true": true, "True": true, "1": true, "on": true, "yes": true, "n": true, "f": true, "2": true, "anything": true, "00": true,
	} {
		if got := (value{text: text}).isTrue(); got != want {
			t.Errorf("%q is %t", text, got)
		}
	}
}

func TestScopes(t *testing.T) {
	for name, test := range map[string]struct {
		v    value
		want string
	}{
		"nothing":           {value{}, ""},
		"quotes and blanks": {value{list: []string{"all", " offline ", "'x'"}}, "all offline x"},
		"brackets":          {value{list: []string{"['a'", "b ]"}}, "a b"},
		"one text":          {value{text: "all,offline"}, "all offline"},
		"a Python list":     {value{text: "['all', 'offline']"}, "all offline"},
		"blanks in v1":      {value{text: "all offline"}, "all offline"},
		"only commas":       {value{text: ",,"}, ""},
		"JSON":              {value{text: `["all", "offline"]`, v2: true}, "all offline"},
		"blanks in v2":      {value{text: " all  offline,x", v2: true}, "all offline x"},
		"no JSON in v2":     {value{text: "[all, offline]", v2: true}, "all offline"},
		"a URL":             {value{list: []string{"api://x/.default"}}, "api://x/.default"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(strings.Fields(test.want), test.v.scopes(), equateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func equateEmpty() cmp.Option {
	return cmp.FilterValues(func(a, b []string) bool { return len(a) == 0 && len(b) == 0 }, cmp.Ignore())
}

func TestCommand(t *testing.T) {
	for name, test := range map[string]struct {
		v    value
		want []string
		err  string
	}{
		"nothing":            {value{}, nil, ""},
		"a list":             {value{list: []string{"a b", "c,d"}}, []string{"a b", "c,d"}, ""},
		"commas":             {value{text: "aws,sso,get-token"}, []string{"aws", "sso", "get-token"}, ""},
		"no commas":          {value{text: "aws sso"}, []string{"aws sso"}, ""},
		"a command line":     {value{text: `aws "s o" 'x'`, v2: true}, []string{"aws", "s o", "x"}, ""},
		"JSON":               {value{text: ` ["aws", "s o"]`, v2: true}, []string{"aws", "s o"}, ""},
		"an open quote":      {value{text: `aws "sso`, v2: true, location: "FLYTE_AUTH_COMMAND"}, nil, "FLYTE_AUTH_COMMAND must be a command: "},
		"JSON of other kind": {value{text: `["aws", 1]`, v2: true, location: "FLYTE_AUTH_COMMAND"}, nil, "FLYTE_AUTH_COMMAND must be a command line, or a JSON array of strings"},
		"broken JSON":        {value{text: `["aws"`, v2: true, location: "FLYTE_AUTH_COMMAND"}, nil, "FLYTE_AUTH_COMMAND must be a command line, or a JSON array of strings"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.v.command()
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if (err != nil) != (test.err != "") || err != nil && !strings.HasPrefix(err.Error(), test.err) {
				t.Errorf("the error is %v, want %q", err, test.err)
			}
		})
	}
}
