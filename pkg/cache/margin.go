package cache

import (
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// maxMargin is how long before its expiry a long-lived credential is not returned any
// more.
const maxMargin = time.Minute

// Margin returns how long a credential must still be valid to be returned: a minute or a
// tenth of its lifetime, whichever is less; or minTTL, if that is more, but half the
// lifetime at most, so that a short-lived credential can be used at all.
func Margin(c oauth.Credential, minTTL time.Duration) time.Duration {
	lifetime := max(c.Expiry.Sub(c.Obtained), 0)
	return max(min(maxMargin, lifetime/10), min(minTTL, lifetime/2))
}

// maxClockSkew is how far in the future a credential may have been obtained: by another
// machine with the same home directory, whose clock differs. If it is further, our clock
// was moved back, and it is not known how long the credential is valid.
const maxClockSkew = 5 * time.Minute

// UsableAt reports whether c outlives its margin.
func UsableAt(c oauth.Credential, now time.Time, minTTL time.Duration) bool {
	return c.ValidAt(now) && c.Obtained.Sub(now) < maxClockSkew && (c.Expiry.IsZero() || now.Add(Margin(c, minTTL)).Before(c.Expiry))
}

// SafeExpiry returns the expiry to report to a caller that uses the credential until then:
// the expiry of c minus its margin, or the expiry itself if that time has passed. It is
// zero if c has no expiry.
func SafeExpiry(c oauth.Credential, now time.Time) time.Time {
	if c.Expiry.IsZero() {
		return time.Time{}
	}
	if early := c.Expiry.Add(-Margin(c, 0)); early.After(now) {
		return early
	}
	return c.Expiry
}
