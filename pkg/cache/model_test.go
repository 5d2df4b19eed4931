package cache

import "slices"

// The line of [Source.Token], [Source.Serve] and [Source.RenewAhead] as a model:
// all that processes share of one login, and where each of them is. A step is
// the effect of the code between two calls of at: who is at a step has not taken
// it yet. The clock stands still for a minute, so that what was renewed is inside
// the reuse window and a refusal inside its own; the seconds of a network failure
// pass at any moment. To run out of patience while one waits is to be killed
// there, and is not a step of its own; nor is a store that cannot be written
// before anything is spent, which ends one caller and changes nothing.

// Where somebody is who is at none of the steps.
const (
	ended  step = "ended"
	killed step = "killed"
	gone   step = ""
)

// kind is what a process wants.
type kind uint8

const (
	wants      kind = iota // a token
	unattended             // a token, and may not start a login
	forced                 // a new token
	asks                   // a login: a person does
	ahead                  // to renew before anybody has to wait
)

// result is how a renewal went.
type result uint8

const (
	none    result = iota
	renewed        // a new set
	dead           // invalid_grant for a refresh token
	unusual        // invalid_grant for a code
	later          // temporary
	refused        // by the server or the person, for a minute
	needed         // a login is, and may not start here
)

// kept is a token set on the disk, named by its generation: 0 is none.
type kept struct {
	gen   uint8
	token bool // the refresh token is there
	old   bool // with the ID token of before: only a login brings another
}

func (k kept) refreshable() bool { return k.token && !k.old }

// noted is the record.
type noted struct {
	gen     uint8
	failure result
}

// issuer is the server. Families of refresh tokens begin with a login.
type issuer struct {
	last   uint8              // the generation given last
	spent  [generations]uint8 // how often each refresh token was
	family [generations]uint8
	closed uint8 // families that ended, a bit for each
}

const generations = 8

func (s *issuer) issue(family uint8) uint8 {
	s.last++
	s.family[s.last] = family
	return s.last
}

func (s *issuer) accepts(gen uint8, grace bool) bool {
	return s.closed&(1<<s.family[gen]) == 0 && (s.spent[gen] == 0 || grace)
}

// caller is a process that wants something, and its memory.
type caller struct {
	kind   kind
	at     step
	leads  bool // holds the leader's lock
	tab    bool // has a browser open
	login  bool // the renewal is a login
	twice  bool // it has handed over once more to a second child
	start  uint8
	last   uint8 // generation of the record, at the beginning
	before noted // the record, under the lock
	seen   kept
	result result
	served bool // it ended with a token
	child  child
}

// child spends for a caller, which may be gone.
type child struct {
	at     step
	spends bool // holds the spending lock
	code   bool
	seen   kept // by the caller
	found  kept // by itself
	got    kept
	result result
}

// moment is everything between two steps.
type moment struct {
	disk     kept
	record   noted
	server   issuer
	callers  [processes]caller
	stuck    [2]bool // locks whose holder died with them: no such thing, if all is well
	left     uint8   // faults that may still come
	gaps     uint8   // faults between POST and rename
	browsers uint8   // opened
	excuses  uint8   // logins that were lost to something that no program can help
}

const processes = 3

// scene is what a walk begins with, and what may happen in it.
type scene struct {
	name    string
	kinds   []kind
	first   kept   // on the disk
	age     age    // of it
	grace   bool   // the server takes a spent refresh token once more
	revoked bool   // the server has ended the login
	noID    bool   // a refresh brings no ID token
	trouble bool   // the server may fail and refuse
	denies  bool   // the person may say no
	faults  uint8  // at most so many
	broken  string // what is wrong with the line
}

// age is how much of its life the first set has before it.
type age uint8

const (
	expired age = iota
	dying       // inside its margin
	good
)

func (s *scene) begin() moment {
	m := moment{disk: s.first, left: s.faults}
	m.server.last = 1 // what it has given, or could have
	if s.revoked {
		m.server.closed = 1
	}
	for i := range m.callers {
		c := caller{at: ended, served: true}
		if i < len(s.kinds) {
			c = begun(s.kinds[i])
		}
		m.callers[i] = c
	}
	return m
}

func begun(k kind) caller {
	if k == ahead {
		return caller{kind: k, at: stepLock}
	}
	return caller{kind: k, at: stepLoad}
}

// turn is a moment in which one process takes its step.
type turn struct {
	*scene
	moment
	who int
}

func (t *turn) me() *caller { return &t.callers[t.who] }

func (t turn) to(at step) turn {
	t.me().at = at
	return t
}

// end forgets what the process remembered, or equal moments would differ.
func (t turn) end(served bool) turn {
	c := t.me()
	*c = caller{kind: c.kind, at: ended, served: served, child: c.child}
	return t
}

func (t *turn) led() bool {
	return t.stuck[0] || slices.ContainsFunc(t.callers[:], func(c caller) bool { return c.leads })
}

func (t *turn) spending() bool {
	return t.stuck[1] || slices.ContainsFunc(t.callers[:], func(c caller) bool { return c.child.spends })
}

// lives is ValidAt.
func (t *turn) lives(k kept) bool {
	return k.gen > 1 && !k.old || k.gen == 1 && t.age != expired
}

// answers is [Source.answers].
func (t *turn) answers(k kept) bool {
	switch {
	case k.gen == 0 || k.old:
		return false
	case k.gen > 1:
		return true
	}
	return t.age == good && t.me().kind != forced && t.me().kind != asks
}

// call is the step of a caller: what may become of it, or nothing while it waits.
func (t turn) call() []turn {
	switch t.me().at {
	case stepLoad:
		return []turn{t.load()}
	case stepRecent:
		return []turn{t.recent()}
	case stepLock:
		return t.lock()
	case stepOrphan:
		return t.orphan()
	case stepAgain:
		return []turn{t.again()}
	case stepMeanwhile:
		return []turn{t.meanwhile()}
	case stepRenew:
		return t.renew()
	case stepPreflight:
		return []turn{t.to(stepHand)}
	case stepHand:
		return t.hand()
	case stepNote:
		return []turn{t.note()}
	case stepUnlock:
		return []turn{t.unlock()}
	}
	return nil
}

func (t turn) load() turn {
	c := t.me()
	c.seen, c.start = t.disk, t.disk.gen
	if t.answers(c.seen) {
		return t.end(true)
	}
	return t.to(stepRecent)
}

func (t turn) recent() turn {
	c := t.me()
	c.last = t.record.gen
	switch {
	case t.record.failure == none || t.broken == "no look at a recent failure":
	case c.kind == asks:
		t.excuses++ // a person asks again, who was told
	default:
		return t.end(t.lives(c.seen))
	}
	return t.to(stepLock)
}

func (t turn) lock() []turn {
	held := t.led() && t.broken != "no leader's lock"
	switch {
	case held && t.me().kind == ahead:
		return []turn{t.end(true)}
	case held:
		return nil
	}
	t.me().leads = true
	return []turn{t.to(stepOrphan)}
}

func (t turn) orphan() []turn {
	held := t.spending() && t.broken != "an orphan is not waited for"
	switch {
	case held && t.me().kind == ahead:
		return []turn{t.to(stepUnlock)}
	case held:
		return nil
	case t.broken == "the lock is let go of before the renewal":
		t.me().leads = false
	}
	return []turn{t.to(stepAgain)}
}

func (t turn) again() turn {
	c := t.me()
	if t.broken != "no second look under the lock" || c.kind == ahead {
		c.seen = t.disk
	}
	late := c.seen.gen == 1 && c.seen.refreshable()
	switch {
	case c.kind == ahead && late:
		return t.to(stepRenew)
	case c.kind == ahead:
		return t.to(stepUnlock)
	case t.answers(c.seen) || c.seen.gen > c.start && t.lives(c.seen):
		c.result = renewed
		return t.to(stepUnlock)
	}
	return t.to(stepMeanwhile)
}

func (t turn) meanwhile() turn {
	c := t.me()
	c.before = t.record
	if t.record.failure != none && t.record.gen != c.last && t.broken != "a failure is not shared" {
		return t.to(stepUnlock)
	}
	return t.to(stepRenew)
}

// renew is cmd's renew, as far as it spends nothing.
func (t turn) renew() []turn {
	c := t.me()
	c.login = c.kind == asks || !c.seen.refreshable()
	all := []turn{t.to(stepPreflight)}
	if c.login && !c.mayLogin() {
		all = []turn{t.fail(needed)}
	}
	if t.trouble {
		all = append(all, t.fail(later))
	}
	return all
}

func (c *caller) mayLogin() bool { return c.kind != unattended && c.kind != ahead }

// fail is a renewal that is over.
func (t turn) fail(r result) turn {
	t.me().result = r
	return t.renewed()
}

// renewed leaves the renewal, however it went.
func (t turn) renewed() turn {
	c := t.me()
	c.tab, c.twice = false, false
	if c.kind == ahead {
		return t.to(stepUnlock)
	}
	if t.broken == "unlocked before the outcome is noted" {
		c.leads = false
	}
	return t.to(stepNote)
}

// hand is the rest of cmd's renew: it waits for the child, and for the person.
func (t turn) hand() []turn {
	c := t.me()
	switch {
	case c.child.at != gone:
		return nil
	case c.result != none:
		return []turn{t.answered()}
	case !c.login:
		return []turn{t.spawn(child{seen: c.seen})}
	case !c.tab:
		c.tab = true
		t.browsers++
		return []turn{t}
	}
	all := []turn{t.spawn(child{code: true, seen: c.seen})}
	if t.denies {
		all = append(all, t.fail(refused))
	}
	return all
}

func (t turn) spawn(c child) turn {
	c.at = stepSpendLock
	t.me().child = c
	return t
}

// answered is what a leader does with its child's answer.
func (t turn) answered() turn {
	c := t.me()
	switch {
	case c.result == dead && c.mayLogin():
		c.result, c.login = none, true
		return t
	case c.result == dead:
		return t.fail(needed)
	case c.result == renewed && c.seen.old && !c.login: // a refresh that does not help
		c.result = none
		return t.to(stepRenew)
	}
	return t.renewed()
}

func (t turn) note() turn {
	c := t.me()
	if t.broken == "the outcome is not noted" {
		return t.to(stepUnlock)
	}
	switch c.result {
	case renewed:
		if c.before.failure != none {
			t.record = noted{gen: c.before.gen + 1}
		}
	case unusual:
		if t.broken == "a refused code is not noted" {
			break
		}
		fallthrough
	case later, refused:
		t.record = noted{gen: c.before.gen + 1, failure: c.result}
	}
	return t.to(stepUnlock)
}

func (t turn) unlock() turn {
	c := t.me()
	return t.end(c.result == renewed || c.kind == ahead || c.kind != asks && t.lives(c.seen))
}

// spend is the step of a child.
func (t turn) spend() []turn {
	c := &t.me().child
	switch c.at {
	case stepSpendLock:
		if t.spending() && t.broken != "no spending lock" {
			return nil
		}
		c.spends = true
		return []turn{t.childTo(stepSpendLoad)}
	case stepSpendLoad:
		return []turn{t.loadToSpend()}
	case stepReady:
		return []turn{t.childTo(stepSpend)}
	case stepSpend:
		return t.post()
	case stepKeep:
		return []turn{t.keep()}
	case stepAnswer:
		return []turn{t.tell()}
	}
	return nil
}

func (t turn) childTo(at step) turn {
	t.me().child.at = at
	return t
}

func (t turn) gets(r result, set kept) turn {
	c := &t.me().child
	c.result, c.got = r, set
	return t.childTo(stepAnswer)
}

func (t turn) loadToSpend() turn {
	c := &t.me().child
	c.found = t.disk
	switch {
	case c.code || t.broken == "the child does not load again":
	case c.found.gen != c.seen.gen:
		return t.gets(renewed, c.found)
	case !c.found.token && t.broken != "who waits spends a dead refresh token":
		return t.gets(dead, kept{})
	}
	return t.childTo(stepReady)
}

// post is the request and what the server makes of it.
func (t turn) post() []turn {
	all := []turn{t.posted()}
	if !t.trouble {
		return all
	}
	down := t.gets(later, kept{})
	if t.broken == "any failure means logged out" && !t.me().child.code {
		down = t.gets(dead, kept{}).toKeep()
	}
	if !t.me().child.code {
		return append(all, down, t.gets(refused, kept{}))
	}
	down.excuses++ // the code is lost, and not to be had again without the person
	if t.me().at != stepHand {
		t.excuses++ // nobody is there to note that
	}
	return append(all, down, t.gets(refused, kept{}), t.gets(unusual, kept{}))
}

// posted is the server's answer to who is in order.
func (t turn) posted() turn {
	c := &t.me().child
	set := kept{token: true, old: t.noID && !c.code}
	family := t.server.last + 1
	if !c.code {
		family = t.server.family[c.seen.gen]
		taken := t.server.accepts(c.seen.gen, t.grace)
		t.server.spent[c.seen.gen]++
		if !taken {
			t.server.closed |= 1 << family
			return t.gets(dead, kept{}).toKeep()
		}
	}
	set.gen = t.server.issue(family)
	return t.gets(renewed, set).toKeep()
}

// toKeep goes on with the answer, under the spending lock.
func (t turn) toKeep() turn {
	if t.broken == "unlocked before it is kept" {
		t.me().child.spends = false
	}
	return t.childTo(stepKeep)
}

func (t turn) keep() turn {
	c := &t.me().child
	switch {
	case c.result == renewed:
		t.disk = c.got
	case t.broken != "a dead refresh token is kept":
		t.disk = c.found
		t.disk.token = false
	}
	return t.childTo(stepAnswer)
}

// tell lets go of the spending lock and answers to whoever still listens.
func (t turn) tell() turn {
	c := t.me()
	if c.at == stepHand {
		c.result = c.child.result
		if c.result == renewed {
			c.seen = c.child.got
		}
	}
	c.child = child{}
	return t
}
