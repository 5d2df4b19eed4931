package cache

import (
	"context"
	"os"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// aheadInterval is how long after one call has started a refresh in the background no other
// call does.
const aheadInterval = 30 * time.Second

// refreshAhead starts the refresh of a token that is valid but in the last fifth of its
// lifetime, and does not wait for it. One call in aheadInterval does.
func (c *call) refreshAhead(t *oauth.Token) {
	if c.startRefresh == nil || c.purpose == forUser || !refreshDue(t.Credential(c.kind), c.now()) || c.clientCredentials == nil && !c.refreshable(t, c.store.readRecord()) {
		return
	}
	stamp := c.store.ID + ".ahead"
	unlock, err := c.store.Dir.tryLock(stamp)
	if err != nil {
		return
	}
	defer unlock()
	info, err := os.Lstat(c.store.Dir.path(stamp))
	if age := c.now().Sub(modified(info)); err != nil || info.Size() > 0 && age >= 0 && age < aheadInterval {
		return
	}
	if os.WriteFile(c.store.Dir.path(stamp), []byte("1\n"), 0o600) == nil { // sets the time, too
		c.startRefresh()
	}
}

func modified(info os.FileInfo) time.Time {
	if info == nil {
		return time.Time{}
	}
	return info.ModTime()
}

// refreshDue reports whether c is in the last fifth of its lifetime.
func refreshDue(c oauth.Credential, now time.Time) bool {
	return !c.Expiry.IsZero() && c.Expiry.Sub(now) < c.Expiry.Sub(c.Obtained)/5
}

// RefreshAhead is what the process does that StartRefresh starts: it refreshes a token in
// the last fifth of its lifetime, unless another process renews it. It never logs in.
func (s *Source) RefreshAhead(ctx context.Context) error {
	c := s.newCall(inAdvance)
	c.at(stepLock)
	unlock, err := c.store.tryLockLeader()
	if err != nil {
		return err
	}
	defer func() { c.at(stepUnlock); unlock() }()
	c.at(stepWorker)
	redeem, err := c.store.tryLockRedeem()
	if err != nil {
		return err
	}
	redeem()
	c.at(stepAgain)
	old, err := c.store.Load(ctx)
	if err != nil || old == nil || !refreshDue(old.Credential(c.kind), c.now()) {
		return err
	}
	defer c.announce()()
	before := c.store.readRecord()
	switch {
	case c.clientCredentials != nil:
		_, err = c.obtain(ctx, old, before)
	case c.refreshable(old, before) && before.refreshBlocked(c.now(), c.settings) == nil:
		_, _, err = c.refresh(ctx, old, before)
	}
	return err
}
