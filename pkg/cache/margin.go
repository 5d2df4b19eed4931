package cache

import (
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// mostMargin is how long before its end a long-lived credential stops being
// handed out.
const mostMargin = time.Minute

// Margin is how long a credential must still live to be handed out: a minute
// or a tenth of its lifetime, whichever is less; minTTL where that is more, but
// at most half the lifetime, so that a short-lived one is of use at all.
func Margin(c oauth.Credential, minTTL time.Duration) time.Duration {
	lifetime := max(c.Expiry.Sub(c.Obtained), 0)
	return max(min(mostMargin, lifetime/10), min(minTTL, lifetime/2))
}

// mostAhead is how far in the future a credential may have been obtained: by
// another machine of the same home, whose clock differs. What is further means
// that our clock was moved back, and how long c lives is not known.
const mostAhead = 5 * time.Minute

// GoodAt reports whether c outlives its margin.
func GoodAt(c oauth.Credential, now time.Time, minTTL time.Duration) bool {
	return c.ValidAt(now) && c.Obtained.Sub(now) < mostAhead && (c.Expiry.IsZero() || now.Add(Margin(c, minTTL)).Before(c.Expiry))
}

// SafeExpiry is the expiry to tell a caller that asks again only then: c's less
// its margin, or c's own where that is past. It is zero where c has none.
func SafeExpiry(c oauth.Credential, now time.Time) time.Time {
	if c.Expiry.IsZero() {
		return time.Time{}
	}
	if early := c.Expiry.Add(-Margin(c, 0)); early.After(now) {
		return early
	}
	return c.Expiry
}
