package edit

import (
	"testing"
)

func TestJSONSet(t *testing.T) {
	for _, row := range []struct{ what, before, after string }{
		{"an empty object", "{}\n", "{\n\t\"credHelpers\": {\n\t\t\"h\": \"flyte\"\n\t}\n}\n"},
		{"docker's form", "{\n\t\"auths\": {\"x\": {}},\n\t\"credHelpers\": {\n\t\t\"a\": \"b\"\n\t}\n}", "{\n\t\"auths\": {\"x\": {}},\n\t\"credHelpers\": {\n\t\t\"a\": \"b\",\n\t\t\"h\": \"flyte\"\n\t}\n}"},
		{"blanks", "{\n  \"auths\": {}\n}\n", "{\n  \"auths\": {},\n  \"credHelpers\": {\n    \"h\": \"flyte\"\n  }\n}\n"},
		{"one line", `{"auths":{}}`, `{"auths":{},"credHelpers":{"h":"flyte"}}`},
		{"CRLF", "{\r\n  \"auths\": {}\r\n}\r\n", "{\r\n  \"auths\": {},\r\n  \"credHelpers\": {\r\n    \"h\": \"flyte\"\r\n  }\r\n}\r\n"},
		{"a null", "{\n\t\"credHelpers\": null\n}", ""},
	} {
		value, key := `"flyte"`, []string{"credHelpers", "h"}
		after, err := JSON{}.Set(t.Context(), []byte(row.before), key, &value)
		if string(after) != row.after || (err == nil) != (row.after != "") {
			t.Errorf("%s: %q, %v, not %q", row.what, after, err, row.after)
			continue
		}
		if row.after == "" {
			continue
		}
		got, err := JSON{}.Get(t.Context(), after, key)
		if err != nil || got == nil || *got != value {
			t.Errorf("%s: reads %v, %v", row.what, got, err)
		}
		after, err = JSON{}.Set(t.Context(), after, key, nil)
		if err == nil {
			after, err = JSON{}.Set(t.Context(), after, key[:1], nil)
		}
		if want := row.before; string(after) != want && want != "" || err != nil {
			t.Errorf("%s: taken out: %q, %v, not %q", row.what, after, err, want)
		}
	}
}
