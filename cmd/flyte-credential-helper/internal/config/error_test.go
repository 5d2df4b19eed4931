package config

import "testing"

func TestShown(t *testing.T) {
	for _, row := range []struct {
		words []string
		want  string
	}{
		{[]string{"p", "--header", "A=1", "--header=B=2=3"}, "p --header A=… --header=B=…"},
		{[]string{"--auth-param", "a=1", "--token-param", "b=2", "--refresh-param=c=3"}, "--auth-param a=… --token-param b=… --refresh-param=c=…"},
		{[]string{"--http-proxy", "http://u:p@h:1", "http://u@h/"}, "--http-proxy http://h:1 http://h/"},
		{[]string{"--scope", "a=b", "--scope=c=d"}, "--scope a=b --scope=c=d"},
		{[]string{"--header"}, "--header"},
		{[]string{"--header", "no pair"}, "--header 'no pair=…'"},
	} {
		if got := Shown(row.words); got != row.want {
			t.Errorf("%q: %s, not %s", row.words, got, row.want)
		}
	}
}
