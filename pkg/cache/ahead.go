package cache

import (
	"context"
	"os"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// aheadPause is how long after one caller has started a renewal behind
// everybody's back no other does.
const aheadPause = 30 * time.Second

// ahead has a token renewed that is good but in the last fifth of its lifetime,
// without anybody waiting for it. One caller in aheadPause starts a process.
func (s *Source) ahead(t *oauth.Token) {
	if s.Ahead == nil || s.login || !late(t.Credential(s.Kind), s.Now()) || !s.refreshable(t) {
		return
	}
	stamp := s.Store.ID + ".ahead"
	unlock, err := s.Store.Dir.tryLock(stamp)
	if err != nil {
		return
	}
	defer unlock()
	info, err := os.Lstat(s.Store.Dir.path(stamp))
	if age := s.Now().Sub(modified(info)); err != nil || info.Size() > 0 && age >= 0 && age < aheadPause {
		return
	}
	if os.WriteFile(s.Store.Dir.path(stamp), []byte("1\n"), 0o600) == nil { // sets the time, too
		s.Ahead()
	}
}

func modified(info os.FileInfo) time.Time {
	if info == nil {
		return time.Time{}
	}
	return info.ModTime()
}

// late reports whether c is in the last fifth of its lifetime.
func late(c oauth.Credential, now time.Time) bool {
	return !c.Expiry.IsZero() && c.Expiry.Sub(now) < c.Expiry.Sub(c.Obtained)/5
}

// RenewAhead is the process that Ahead starts: it renews what is late, unless
// somebody else does just now.
func (s *Source) RenewAhead(ctx context.Context) error {
	s.at(stepLock)
	unlock, err := s.Store.Dir.tryLock(s.Store.ID + ".lock")
	if err != nil {
		return err
	}
	defer func() { s.at(stepUnlock); unlock() }()
	s.at(stepOrphan)
	orphan, err := s.Store.Dir.tryLock(s.Store.ID + ".spend")
	if err != nil {
		return err
	}
	orphan()
	s.at(stepAgain)
	old, err := s.Store.Load(ctx)
	if err != nil || old == nil || !s.refreshable(old) || !late(old.Credential(s.Kind), s.Now()) {
		return err
	}
	_, err = s.renew(ctx, old)
	return err
}
