package cache

import (
	"testing"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// living is a credential obtained at noon.
func living(lifetime time.Duration) oauth.Credential {
	return oauth.Credential{Value: "at", Obtained: noon, Expiry: noon.Add(lifetime)}
}

func TestMargin(t *testing.T) {
	const s, m, h = time.Second, time.Minute, time.Hour
	for _, c := range []struct {
		lifetime, minTTL, want time.Duration
	}{
		{h, 0, m},
		{24 * h, 0, m},
		{10 * m, 0, m},
		{10*m - 10*s, 0, 59 * s},
		{5 * m, 0, 30 * s},
		{2 * m, 0, 12 * s},
		{30 * s, 0, 3 * s},
		{0, 0, 0},
		{-h, 0, 0},
		{-h, 5 * m, 0},
		{h, 5 * m, 5 * m},
		{h, 30 * m, 30 * m},
		{h, 31 * m, 30 * m},
		{h, 100 * h, 30 * m},
		{h, 10 * s, m},
		{h, -h, m},
		{2 * m, 5 * m, m},
		{10 * m, 5 * m, 5 * m},
		{8 * m, 5 * m, 4 * m},
	} {
		if got := Margin(living(c.lifetime), c.minTTL); got != c.want {
			t.Errorf("a token for %s, --min-ttl %s: margin %s, want %s", c.lifetime, c.minTTL, got, c.want)
		}
	}
	if got := Margin(oauth.Credential{Value: "at", Expiry: noon}, 0); got != time.Minute {
		t.Errorf("a token of unknown age: margin %s", got)
	}
	if got := Margin(oauth.Credential{Value: "at", Obtained: noon}, 5*m); got != 0 {
		t.Errorf("a token that does not expire: margin %s", got)
	}
}

func TestGoodAt(t *testing.T) {
	const s, m, h = time.Second, time.Minute, time.Hour
	for _, c := range []struct {
		lifetime, age, minTTL time.Duration
		want                  bool
	}{
		{h, 0, 0, true},
		{h, 58 * m, 0, true},
		{h, 59*m - 1, 0, true},
		{h, 59 * m, 0, false},
		{h, h, 0, false},
		{h, 2 * h, 0, false},
		{h, 54 * m, 5 * m, true},
		{h, 55 * m, 5 * m, false},
		{h, 0, 100 * h, true}, // a wish that nothing can meet
		{h, 29 * m, 100 * h, true},
		{h, 30 * m, 100 * h, false},
		{2 * m, 0, 0, true}, // Keycloak gives 60 s to 5 min
		{2 * m, 107 * s, 0, true},
		{2 * m, 108 * s, 0, false},
		{2 * m, 0, 5 * m, true},
		{2 * m, 59 * s, 5 * m, true},
		{2 * m, m, 5 * m, false},
		{s, 0, 0, true},
		{0, 0, 0, false},
	} {
		if got := UsableAt(living(c.lifetime), noon.Add(c.age), c.minTTL); got != c.want {
			t.Errorf("a token for %s, %s old, --min-ttl %s: good is %v, want %v", c.lifetime, c.age, c.minTTL, got, c.want)
		}
	}
	if !UsableAt(oauth.Credential{Value: "at"}, noon, h) {
		t.Error("a token without an expiry is good until refused")
	}
	if UsableAt(oauth.Credential{Expiry: noon.Add(h), Obtained: noon}, noon, 0) || UsableAt(oauth.Credential{}, noon, 0) {
		t.Error("no token is no good")
	}
}

func TestSafeExpiry(t *testing.T) {
	const s, m, h = time.Second, time.Minute, time.Hour
	for _, c := range []struct {
		lifetime, age, want time.Duration // want: after noon
	}{
		{h, 0, 59 * m},
		{h, 58 * m, 59 * m},
		{h, 59 * m, h}, // in the reuse window or when the server is down: the past would be asked for again and again
		{h, 59*m + 30*s, h},
		{h, 2 * h, h},
		{2 * m, 0, 108 * s},
		{2 * m, 110 * s, 2 * m},
	} {
		if got := SafeExpiry(living(c.lifetime), noon.Add(c.age)); !got.Equal(noon.Add(c.want)) {
			t.Errorf("a token for %s, %s old: expiry %s after it was obtained, want %s", c.lifetime, c.age, got.Sub(noon), c.want)
		}
	}
	if got := SafeExpiry(oauth.Credential{Value: "at", Obtained: noon}, noon); !got.IsZero() {
		t.Errorf("a token without an expiry: %s", got)
	}
}
