package cache

import "slices"

// The line of [Source.Token], [Source.Serve] and [Source.RefreshAhead] as a model: all
// that processes share of one login, and where each of them is. A step is the effect of
// the code between two calls of at: a process that is at a step has not taken it yet. The
// clock stands still for a minute, so that a new set is inside the reuse window, and
// back-off and a refused refresh are inside theirs; the seconds of a shared failure pass
// at any moment. A process that gives up waiting is like one that is killed there, and is
// not a step of its own; nor is a store that cannot be written before anything is sent,
// which ends one caller and changes nothing. The model has one kind of token, and leaves
// out that refreshing stops at a server that refuses each refresh.

// Where a process is that is at none of the steps.
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
	asks                   // a login: the user does
	ahead                  // to refresh before a caller has to wait
)

// result is how a renewal went.
type result uint8

const (
	none        result = iota
	renewed            // a new set
	dead               // the refresh token is
	refused            // the refresh, for a reason that need not last
	failed             // before the user saw anything
	unusable           // after the user saw the login
	interrupted        // by Ctrl-C
	needed             // a login is, and may not start here, or not yet
)

// saved is a token set on the disk, named by its generation: 0 is none.
type saved struct {
	gen   uint8
	token bool // the refresh token is there
	old   bool // with an ID token that has expired: only a login brings another
}

func (k saved) refreshable() bool { return k.token && !k.old }

// login is what the record says of logins that the user saw.
type login uint8

const (
	noBackOff login = iota
	pending         // it is under way, or its process was killed
	taken           // the same, of a process that took over
	backedOff       // it failed
)

func (l login) underWay() bool { return l == pending || l == taken }

// recorded is the record.
type recorded struct {
	failed  bool // shared
	refused bool // the refresh, and need not last
	login   login
}

// issuer is the server. Families of refresh tokens begin with a login.
type issuer struct {
	last   uint8              // the generation given last
	spent  [generations]uint8 // how often each refresh token was sent
	tries  [generations]uint8 // by how many workers
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
	waited bool  // for the leader's lock
	leads  bool  // holds it
	tab    bool  // has a browser open
	login  bool  // the renewal is a login
	twice  bool  // it has delegated once more to a second worker
	start  uint8 // generation of the saved set, at the beginning
	news   bool  // the record has changed since then
	before login // what the record said before this login
	seen   saved
	result result
	served bool // it ended with a token
	worker worker
}

// worker redeems for a caller, which may be gone.
type worker struct {
	at    step
	locks bool // holds the redeem lock
	code  bool
	first bool  // the set is saved once, without its ID token
	full  bool  // the outcome cannot be saved
	seen  saved // by the caller
	found saved // by itself
	got   saved
	// result is what it will report.
	result result
}

// moment is everything between two steps.
type moment struct {
	disk     saved
	record   recorded
	intent   struct{ gen, tries uint8 } // of a worker that is at work, or was killed
	server   issuer
	callers  [processes]caller
	stuck    [2]bool // locks whose owner died with them: no such thing, if all is well
	left     uint8   // faults that may still come
	gaps     uint8   // faults between POST and rename
	unsent   uint8   // workers that were killed between the intent and POST
	browsers uint8   // opened
	excuses  uint8   // that allow one more: see allow
	refused  bool    // the server refused a refresh token that it may accept later
	pending  bool    // a process was killed while its login was under way
	tookOver bool    // another one may have taken over
	pestered bool    // a server was asked again in a moment
}

const processes = 3

// scene is what a walk begins with, and what may happen in it.
type scene struct {
	name    string
	kinds   []kind
	first   saved  // on the disk
	age     age    // of it
	grace   bool   // the server takes a used refresh token once more
	revoked bool   // the server has ended the login
	noID    bool   // a refresh brings no ID token
	trouble bool   // the server may fail and refuse
	denies  bool   // the user may
	twoStep bool   // the answer is saved twice: without its ID token, then with it
	faults  uint8  // at most so many
	broken  string // what is wrong with the line
}

// age is how much of its lifetime the first set has before it.
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
	*c = caller{kind: c.kind, at: ended, served: served, worker: c.worker}
	return t
}

func (t *turn) led() bool {
	return t.stuck[0] || slices.ContainsFunc(t.callers[:], func(c caller) bool { return c.leads })
}

func (t *turn) redeeming() bool {
	return t.stuck[1] || slices.ContainsFunc(t.callers[:], func(c caller) bool { return c.worker.locks })
}

// lives is ValidAt.
func (t *turn) lives(k saved) bool {
	return k.gen > 1 && !k.old || k.gen == 1 && t.age != expired
}

// usable is the method of a call.
func (t *turn) usable(k saved) bool {
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
	case stepWorker:
		return t.waitForWorker()
	case stepAgain:
		return []turn{t.again()}
	case stepMeanwhile:
		return []turn{t.meanwhile()}
	case stepRenew:
		return t.refresh()
	case stepLogin:
		return t.logIn()
	case stepPreflight:
		return []turn{t.preflight()}
	case stepDelegate:
		return t.delegate()
	case stepRecord:
		return []turn{t.recordOutcome()}
	case stepUnlock:
		return []turn{t.unlock()}
	}
	return nil
}

func (t turn) load() turn {
	c := t.me()
	c.seen, c.start = t.disk, t.disk.gen
	if t.usable(c.seen) {
		return t.end(true)
	}
	return t.to(stepRecent)
}

func (t turn) recent() turn {
	c := t.me()
	if t.record.failed && c.kind != asks && t.broken != "no look at a recent failure" {
		return t.end(t.lives(c.seen))
	}
	return t.to(stepLock)
}

func (t turn) lock() []turn {
	held := t.led() && t.broken != "no leader's lock"
	switch {
	case held && t.me().kind == ahead:
		return []turn{t.end(true)}
	case held && !t.me().waited:
		t.me().waited = true
		return []turn{t}
	case held:
		return nil
	}
	t.me().leads = true
	return []turn{t.to(stepWorker)}
}

func (t turn) waitForWorker() []turn {
	held := t.redeeming() && t.broken != "a worker is not waited for"
	switch {
	case held && t.me().kind == ahead:
		return []turn{t.to(stepUnlock)}
	case held:
		return nil
	case t.broken == "unlocked before the renewal":
		t.me().leads = false
	}
	return []turn{t.to(stepAgain)}
}

func (t turn) again() turn {
	c := t.me()
	if t.broken != "no second look under the lock" || c.kind == ahead {
		c.seen = t.disk
	}
	start := c.start
	c.start = 0
	switch {
	case c.kind == ahead && c.seen.gen == 1 && c.seen.refreshable() && !t.record.refused:
		return t.to(stepRenew)
	case c.kind == ahead:
		return t.to(stepUnlock)
	case t.usable(c.seen) || c.seen.gen > start && t.lives(c.seen):
		c.result = renewed
		return t.to(stepUnlock)
	}
	return t.to(stepMeanwhile)
}

func (t turn) meanwhile() turn {
	c := t.me()
	news := c.news
	c.news = false
	switch {
	case t.record.failed && news && t.broken != "a failure is not shared":
		return t.to(stepUnlock)
	case c.kind != asks && c.seen.refreshable() && !t.record.refused:
		return t.to(stepRenew)
	}
	return t.to(stepLogin)
}

// refresh prepares one: nothing is used up.
func (t turn) refresh() []turn {
	t.pester()
	all := []turn{t.to(stepPreflight)}
	if t.trouble {
		all = append(all, t.over(failed))
	}
	return all
}

// logIn prepares a login, if one may start.
func (t turn) logIn() []turn {
	c := t.me()
	c.login, c.twice, c.result, c.before = true, false, none, t.record.login
	if !c.mayLogin() || c.kind != asks && t.blocked() {
		c.result = needed
		return []turn{t.to(stepUnlock)}
	}
	if c.kind == asks && (t.record.login != noBackOff || t.gaps > 0) {
		t.excuses++ // the user asks again, who was told
	}
	t.pester()
	all := []turn{t.to(stepPreflight)}
	if t.trouble {
		all = append(all, t.over(failed))
	}
	return all
}

// pester notes that the server is asked though a failure is shared.
func (t *turn) pester() {
	c := t.me()
	t.pestered = t.pestered || t.record.failed && c.kind != asks && c.kind != ahead && c.result == none
}

func (c *caller) mayLogin() bool { return c.kind != unattended && c.kind != ahead }

// blocked is loginBlocked.
func (t *turn) blocked() bool {
	switch t.record.login {
	case pending:
		return !t.me().waited || t.broken == "a login is not taken over"
	case taken:
		return t.broken != "logins are taken over for ever"
	case backedOff:
		return t.broken != "no back-off"
	}
	return false
}

// over is a renewal that is.
func (t turn) over(r result) turn {
	c := t.me()
	c.result, c.tab, c.twice = r, false, false
	if t.broken == "unlocked before the outcome is recorded" {
		c.leads = false
	}
	return t.to(stepRecord)
}

// preflight writes, at a login, that it is under way.
func (t turn) preflight() turn {
	c := t.me()
	if c.login && t.broken != "not recorded before the browser opens" {
		r := t.record
		r.login = pending
		if c.waited && c.before.underWay() {
			r.login = taken
		}
		t.write(r)
	}
	c.waited = false
	return t.to(stepDelegate)
}

// write changes the record.
func (t *turn) write(r recorded) {
	t.record = r
	for i := range t.callers {
		switch c := &t.callers[i]; c.at {
		case stepLock, stepWorker, stepAgain, stepMeanwhile:
			c.news = true
		}
	}
}

// delegate waits for the user, and for the worker.
func (t turn) delegate() []turn {
	c := t.me()
	switch {
	case c.worker.at != gone:
		return nil
	case c.result != none:
		return []turn{t.over(c.result)}
	case !c.login:
		return []turn{t.spawn(worker{seen: c.seen})}
	case !c.tab:
		c.tab = true
		t.browsers++
		return []turn{t}
	}
	all := []turn{t.spawn(worker{code: true, seen: c.seen})}
	if t.denies {
		all = append(all, t.over(unusable))
	}
	return all
}

func (t turn) spawn(w worker) turn {
	w.at = stepRedeemLock
	t.me().worker = w
	return t
}

// recordOutcome is finish, and what follows a refresh.
func (t turn) recordOutcome() turn {
	c := t.me()
	next := stepUnlock
	if !c.login && c.kind != ahead && (c.result == dead || c.result == refused || c.result == renewed && c.seen.old) {
		next = stepLogin
	}
	r := t.record
	if c.login {
		r.login, c.before = c.before, noBackOff
	}
	switch c.result {
	case renewed:
		r.failed, r.refused = false, false
		if !c.seen.old {
			r.login = noBackOff
		}
	case refused:
		r.refused = true
	case failed:
		r.failed = true
	case unusable:
		r.login = backedOff
	case interrupted:
		r = t.record
		if c.tab {
			t.excuses++ // the user, who is there, may see a browser again
		}
		if c.login && t.broken != "the record stays pending after Ctrl-C" {
			r.login = noBackOff
		}
	}
	c.tab = false
	if t.broken != "the outcome is not recorded" {
		t.write(r)
	}
	return t.to(next)
}

func (t turn) unlock() turn {
	c := t.me()
	return t.end(c.result == renewed && !c.seen.old || c.kind == ahead || c.kind != asks && t.lives(c.seen))
}

// redeem is the step of a worker.
func (t turn) redeem() []turn {
	w := &t.me().worker
	switch w.at {
	case stepRedeemLock:
		if t.redeeming() && t.broken != "no redeem lock" {
			return nil
		}
		w.locks = true
		return []turn{t.workerTo(stepRedeemLoad)}
	case stepRedeemLoad:
		return []turn{t.loadToRedeem()}
	case stepReady:
		return []turn{t.workerTo(stepIntent)}
	case stepIntent:
		return []turn{t.declare()}
	case stepSend:
		return t.post()
	case stepSave:
		return []turn{t.save()}
	case stepAnswer:
		return []turn{t.report()}
	}
	return nil
}

func (t turn) workerTo(at step) turn {
	t.me().worker.at = at
	return t
}

func (t turn) gets(r result, set saved) turn {
	w := &t.me().worker
	w.result, w.got = r, set
	return t.workerTo(stepAnswer)
}

func (t turn) loadToRedeem() turn {
	w := &t.me().worker
	w.found = t.disk
	switch {
	case w.code || t.broken == "the worker does not load again":
	case w.found.gen != w.seen.gen:
		return t.gets(renewed, w.found)
	case !w.found.token && t.broken != "a worker that waited sends a dead refresh token":
		return t.gets(dead, saved{})
	}
	return t.workerTo(stepReady)
}

// declare writes the intent. It does not send a refresh token for which two workers were
// killed.
func (t turn) declare() turn {
	w := &t.me().worker
	if w.code {
		return t.workerTo(stepSend)
	}
	if t.intent.gen != w.seen.gen {
		t.intent.gen, t.intent.tries = w.seen.gen, 0
	}
	if t.intent.tries++; t.intent.tries > maxAttempts && t.broken != "no intent is recorded" {
		return t.gets(dead, saved{}).toSave()
	}
	return t.workerTo(stepSend)
}

// post is the request and what the server makes of it.
func (t turn) post() []turn {
	w := t.me().worker
	all := []turn{t.posted()}
	if !t.trouble {
		return all
	}
	if w.code {
		no := t.gets(unusable, saved{})
		if t.me().at == killed {
			no.takeOver()
		}
		return append(all, no)
	}
	down := t.gets(failed, saved{})
	if t.broken == "any failure means logged out" {
		down = t.gets(dead, saved{}).toSave()
	}
	no := t.gets(refused, saved{})
	no.moment.refused = true
	return append(all, down, no)
}

// posted is the server's answer if nothing is wrong.
func (t turn) posted() turn {
	w := &t.me().worker
	set := saved{token: true, old: t.noID && !w.code}
	family := t.server.last + 1
	if !w.code {
		family = t.server.family[w.seen.gen]
		accepted := t.server.accepts(w.seen.gen, t.grace)
		t.server.spent[w.seen.gen]++
		t.server.tries[w.seen.gen]++
		if !accepted {
			t.server.closed |= 1 << family
			return t.gets(dead, saved{}).toSave()
		}
	}
	set.gen = t.server.issue(family)
	return t.gets(renewed, set).toSave()
}

// toSave goes on with the answer, under the redeem lock.
func (t turn) toSave() turn {
	if t.broken == "unlocked before it is saved" {
		t.me().worker.locks = false
	}
	return t.workerTo(stepSave)
}

// save saves the answer, in two steps if it has an ID token that must be verified.
func (t turn) save() turn {
	w := &t.me().worker
	switch {
	case w.result == renewed && t.twoStep && !w.first:
		w.first = true
		if t.broken != "judged before it is saved" {
			t.disk = w.got
		}
		return t
	case w.result == renewed:
		t.disk = w.got
	case t.broken != "a dead refresh token is kept":
		t.disk = w.found
		t.disk.token = false
	}
	return t.workerTo(stepAnswer)
}

// report releases the redeem lock and answers the caller, if it still waits.
func (t turn) report() turn {
	c := t.me()
	switch {
	case c.worker.full, c.worker.code && c.worker.result != renewed:
	case c.worker.result == failed && t.intent.tries > 1:
		t.intent.tries--
	default:
		t.intent.gen, t.intent.tries = 0, 0
	}
	if c.at == stepDelegate {
		c.result = c.worker.result
		if c.worker.code && c.result == dead {
			c.result = unusable
		}
		if c.result == renewed {
			c.seen = c.worker.got
		}
	}
	c.worker = worker{}
	return t
}
