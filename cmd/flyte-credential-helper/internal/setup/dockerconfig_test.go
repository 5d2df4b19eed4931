package setup

import (
	"strings"
	"testing"
)

// Entries are put in, and all else stays as it is, to the byte.
func TestDockerConfig(t *testing.T) {
	for before, after := range map[string]string{
		"":   "{\n\t\"credHelpers\": {\n\t\t\"a.example.com\": \"flyte\"\n\t}\n}\n",
		"{}": "{\n\t\"credHelpers\": {\n\t\t\"a.example.com\": \"flyte\"\n\t}\n}\n",
		"{\n\t\"auths\": {\"x\": {}},\n\t\"z\": [1]\n}":                                                        "{\n\t\"credHelpers\": {\n\t\t\"a.example.com\": \"flyte\"\n\t},\n\t\"auths\": {\"x\": {}},\n\t\"z\": [1]\n}",
		"{\"auths\": {\"credHelpers\": {}}, \"credHelpers\": {\"b\": \"osxkeychain\"}, \"credsStore\": \"x\"}": "{\"auths\": {\"credHelpers\": {}}, \"credHelpers\": {\n\t\t\"a.example.com\": \"flyte\",\"b\": \"osxkeychain\"}, \"credsStore\": \"x\"}",
		"{\"credHelpers\": {\"a.example.com\": \"flyte\"}}":                                                    "{\"credHelpers\": {\"a.example.com\": \"flyte\"}}",
		"{\n  \"credHelpers\": {\n  }\n}\n":                                                                    "{\n  \"credHelpers\": {\n\t\t\"a.example.com\": \"flyte\"\n\t}\n}\n",
	} {
		got, err := dockerConfig{"config.json", []byte(before)}.with([]string{"a.example.com"}, "flyte")
		if err != nil || string(got) != after {
			t.Errorf("%q: %v\n%q\nnot\n%q", before, err, got, after)
		}
		if again, err := (dockerConfig{"config.json", got}).with([]string{"a.example.com"}, "flyte"); err != nil || string(again) != string(got) {
			t.Errorf("%q: twice is not once: %v\n%q", before, err, again)
		}
	}
	for before, words := range map[string]string{
		"[": "cannot be read", "[]": "cannot be read", "{\"credHelpers\": []}": "cannot be read", "{\"credHelpers\": {\"a.example.com\": \"pass\"}}": "has the helper pass for a.example.com",
	} {
		if got, err := (dockerConfig{"config.json", []byte(before)}).with([]string{"a.example.com"}, "flyte"); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v, %q", before, err, got)
		}
	}
}
