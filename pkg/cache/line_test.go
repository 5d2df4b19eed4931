package cache

import (
	"fmt"
	"testing"
)

// scenes are what processes may find, and what they want.
func scenes() []scene {
	here := saved{gen: 1, token: true}
	three := []kind{wants, wants, wants}
	return []scene{
		{name: "expired", kinds: three, first: here},
		{name: "expired, with an ID token", kinds: three, first: here, twoStep: true},
		{name: "expired, no login may start", kinds: []kind{unattended, unattended, wants}, first: here},
		{name: "nothing saved", kinds: three},
		{name: "nothing saved, no login may start", kinds: []kind{wants, unattended, wants}},
		{name: "logged out", kinds: []kind{wants, unattended, wants}, first: here, revoked: true},
		{name: "forced", kinds: []kind{forced, forced, wants}, first: here, age: good},
		{name: "the user asks", kinds: []kind{asks, wants, asks}, first: here},
		{name: "the user says no", kinds: []kind{wants, asks, wants}, denies: true},
		{name: "refreshed ahead", kinds: []kind{ahead, forced, ahead}, first: here, age: good},
		{name: "refreshed ahead, late", kinds: []kind{ahead, wants, wants}, first: here, age: dying},
		{name: "no ID token", kinds: three, first: here, noID: true},
		{name: "a server in trouble", kinds: three, first: here, age: dying, trouble: true},
		{name: "a login at a server in trouble", kinds: three, trouble: true},
	}
}

// variants are the walks that one scene is worth: if a refresh token is sent, also at a
// server that takes a used one once more.
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

// A walk that finds nothing proves something only if it finds the fault of a broken line.
func TestBrokenLines(t *testing.T) {
	for _, c := range []struct{ broken, scene, promise string }{
		{"no leader's lock", "nothing saved", tab},
		{"no leader's lock", "nothing saved", browser},
		{"unlocked before the renewal", "nothing saved", tab},
		{"no second look under the lock", "nothing saved", browser},
		{"a worker is not waited for", "nothing saved", browser},
		{"no redeem lock", "expired", once},
		{"no redeem lock", "expired", lossless},
		{"the worker does not load again", "expired", once},
		{"unlocked before it is saved", "expired", once},
		{"judged before it is saved", "expired, with an ID token", lossless},
		{"a worker that waited sends a dead refresh token", "logged out", once},
		{"a dead refresh token is kept", "logged out", once},
		{"no intent is recorded", "expired", twice},
		{"the worker dies with its caller", "expired", once},
		{"the worker dies with its caller", "expired", lossless},
		{"any failure means logged out", "a server in trouble", lossless},
		{"any failure means logged out", "a server in trouble", cause},
		{"no look at a recent failure", "a server in trouble", alone},
		{"a failure is not shared", "a server in trouble", alone},
		{"no back-off", "the user says no", browser},
		{"no back-off", "a login at a server in trouble", browser},
		{"not recorded before the browser opens", "nothing saved", browser},
		{"logins are taken over for ever", "nothing saved", browser},
		{"the record stays pending after Ctrl-C", "nothing saved", settled},
		{"the outcome is not recorded", "the user says no", settled},
		{"unlocked before the outcome is recorded", "the user says no", browser},
		{"a lock outlives its owner", "expired", waiting},
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
