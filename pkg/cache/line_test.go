package cache

import (
	"fmt"
	"testing"
)

// scenes are what processes may find, and what they want.
func scenes() []scene {
	here := kept{gen: 1, token: true}
	three := []kind{wants, wants, wants}
	return []scene{
		{name: "expired", kinds: three, first: here},
		{name: "expired, no login may start", kinds: []kind{unattended, unattended, wants}, first: here},
		{name: "nothing kept", kinds: three},
		{name: "nothing kept, no login may start", kinds: []kind{wants, unattended, wants}},
		{name: "logged out", kinds: []kind{wants, unattended, wants}, first: here, revoked: true},
		{name: "forced", kinds: []kind{forced, forced, wants}, first: here, age: good},
		{name: "a person asks", kinds: []kind{asks, wants, asks}, first: here},
		{name: "a person says no", kinds: []kind{wants, asks, wants}, denies: true},
		{name: "renewed ahead", kinds: []kind{ahead, forced, ahead}, first: here, age: good},
		{name: "renewed ahead, late", kinds: []kind{ahead, wants, wants}, first: here, age: dying},
		{name: "no ID token", kinds: three, first: here, noID: true},
		{name: "a server in trouble", kinds: three, first: here, age: dying, trouble: true},
		{name: "a login at a server in trouble", kinds: three, trouble: true},
	}
}

// variants are the walks that one scene is worth: at a server that takes a spent
// refresh token once more, too, where one is spent.
func (s scene) variants() []scene {
	s.faults = 2
	lenient := s
	lenient.grace = true
	if s.first.gen == 0 || s.revoked {
		return []scene{s}
	}
	return []scene{s, lenient}
}

func (s scene) String() string {
	return fmt.Sprintf("%s, grace %t", s.name, s.grace)
}

func TestLine(t *testing.T) {
	total := 0
	for _, s := range scenes() {
		for _, s := range s.variants() {
			w := s.walk("")
			if w.broken != nil {
				t.Errorf("%s: %v", s, w.broken)
			}
			total += len(w.visited)
		}
	}
	t.Logf("%d moments", total)
}

// A walk that finds nothing proves something only if it finds what is wrong with
// a line that is.
func TestBrokenLines(t *testing.T) {
	for _, c := range []struct{ broken, scene, promise string }{
		{"no leader's lock", "nothing kept", tab},
		{"no leader's lock", "nothing kept", browser},
		{"the lock is let go of before the renewal", "nothing kept", tab},
		{"no second look under the lock", "nothing kept", browser},
		{"an orphan is not waited for", "nothing kept", browser},
		{"no spending lock", "expired", once},
		{"no spending lock", "expired", login},
		{"the child does not load again", "expired", once},
		{"unlocked before it is kept", "expired", once},
		{"who waits spends a dead refresh token", "logged out", once},
		{"a dead refresh token is kept", "logged out", once},
		{"the child dies with its caller", "expired", once},
		{"the child dies with its caller", "expired", login},
		{"the child dies with its caller", "expired", browser},
		{"any failure means logged out", "a server in trouble", login},
		{"any failure means logged out", "a server in trouble", cause},
		{"no look at a recent failure", "a person says no", browser},
		{"a failure is not shared", "a person says no", browser},
		{"the outcome is not noted", "a person says no", browser},
		{"unlocked before the outcome is noted", "a person says no", browser},
		{"a refused code is not noted", "a login at a server in trouble", browser},
		{"a lock outlives its holder", "expired", waiting},
	} {
		t.Run(c.broken+": "+c.promise, func(t *testing.T) {
			if !caught(c.broken, c.scene, c.promise) {
				t.Error("the walk does not find it")
			}
		})
	}
}

func caught(broken, name, promise string) bool {
	for _, s := range scenes() {
		if s.name != name {
			continue
		}
		for _, s := range s.variants() {
			s.broken = broken
			if s.walk(promise).broken != nil {
				return true
			}
		}
	}
	return false
}
