package cache

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// move is a step that a process takes, or a fault.
type move struct {
	who  int
	says step // the step that it logs, if it logs one
	what string
	to   moment
}

// String numbers processes by their place in the moment: see sorted.
func (m move) String() string {
	c := m.to.callers[m.who]
	return fmt.Sprintf("%s%d: %s, worker %q, disk %d, record %+v", m.what, m.who, c.at, c.worker.at, m.to.disk.gen, m.to.record)
}

// moves returns all that may come next, and whether something comes without a fault.
func (s *scene) moves(m moment) (all []move, goes bool) {
	add := func(what string, i int, turns []turn) {
		for _, t := range turns {
			all = append(all, move{who: i, what: what, says: said(m.callers[i], t.callers[i]), to: t.moment})
		}
	}
	for i := range m.callers {
		t := turn{s, m, i}
		add("", i, t.call())
		add("worker ", i, t.redeem())
	}
	goes = len(all) > 0
	if m.record.failed { // its seconds pass
		t := turn{s, m, 0}
		t.record.failed = false
		add("the window passes: ", 0, []turn{t})
	}
	for i := range m.callers {
		add("fault of ", i, turn{s, m, i}.fault())
	}
	return all, goes
}

// said returns the step that a process logs on its way from one moment to another.
func said(from, to caller) step {
	switch {
	case to.worker.at != from.worker.at && to.worker.at != gone:
		return to.worker.at
	case to.worker.first && !from.worker.first:
		return stepSave
	case to.at != from.at && to.at != ended && to.at != killed:
		return to.at
	}
	return ""
}

// walk visits every moment that can come of a scene.
type walk struct {
	*scene
	visited map[moment]bool // true: on the way to where we are
	trail   []move
	seeks   string // the one promise to check; empty: all
	broken  *breach
}

func (s *scene) walk(seeks string) *walk {
	w := &walk{scene: s, visited: map[moment]bool{}, seeks: seeks}
	w.visit(s.begin().sorted())
	return w
}

// sorted returns m with the processes of a kind in an order: which of them is where makes
// no difference.
func (m moment) sorted() moment {
	slices.SortFunc(m.callers[:], func(a, b caller) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), strings.Compare(string(a.at), string(b.at)), strings.Compare(string(a.worker.at), string(b.worker.at)),
			cmp.Compare(a.start, b.start), cmp.Compare(a.seen.gen, b.seen.gen),
			cmp.Compare(a.got(), b.got()))
	})
	return m
}

// got orders processes that are alike otherwise.
func (c *caller) got() uint8 { return c.worker.got.gen*16 + c.worker.seen.gen }

func (w *walk) visit(m moment) {
	w.visited[m] = true
	all, goes := w.moves(m)
	w.check(m, goes)
	for _, next := range all {
		if w.broken != nil {
			return
		}
		w.trail = append(w.trail, next)
		next.to = next.to.sorted()
		underWay, known := w.visited[next.to]
		switch {
		case underWay:
			w.fail(waiting, m)
		case !known:
			w.visit(next.to)
		}
		w.trail = w.trail[:len(w.trail)-1]
	}
	w.visited[m] = false
}

// The promises.
const (
	once     = "a refresh token is sent once"
	twice    = "a refresh token is sent by two workers at most"
	lossless = "no login is lost"
	tab      = "one browser at a time"
	browser  = "one browser in all"
	cause    = "a browser opens only if the server takes nothing that is saved"
	waiting  = "no process waits for ever"
	answered = "each process is answered"
	next     = "the next process is answered"
	alone    = "a server in trouble is left alone"
	settled  = "a login that has ended is not recorded as under way"
)

// breach is a promise that does not hold, and the way to it.
type breach struct {
	promise string
	trail   []move
	end     moment
}

func (b *breach) Error() string {
	text, m := "not so: "+b.promise, b.end
	for _, step := range b.trail {
		text += "\n\t" + step.String()
	}
	return fmt.Sprintf("%s\n\tdisk %+v, record %+v, spent %v, %d browsers, %d excuses, %d gaps, %d unsent", text,
		m.disk, m.record, m.server.spent, m.browsers, m.excuses, m.gaps, m.unsent)
}

func (w *walk) fail(promise string, m moment) {
	if w.broken == nil && (w.seeks == "" || w.seeks == promise) {
		w.broken = &breach{promise: promise, trail: slices.Clone(w.trail), end: m}
	}
}

func (w *walk) holds(m moment) {
	for _, promise := range w.breaks(m) {
		w.fail(promise, m)
	}
}

func (w *walk) check(m moment, goes bool) {
	w.holds(m)
	if goes {
		return
	}
	if slices.ContainsFunc(m.callers[:], alive) {
		w.fail(waiting, m)
		return
	}
	w.checkEnd(m)
}

func alive(c caller) bool { return c.at != ended && c.at != killed || c.worker.at != gone }

// breaks returns the promises that m breaks.
func (w *walk) breaks(m moment) (all []string) {
	sent, saving := slices.Max(m.server.spent[:]), slices.ContainsFunc(m.callers[:], saves)
	for _, p := range []struct {
		promise string
		broken  bool
	}{
		{once, sent > 1+m.gaps},
		{twice, slices.Max(m.server.tries[:]) > maxAttempts},
		{lossless, !saving && w.lost(m)},
		{tab, m.tabs() > 1},
		{alone, m.pestered},
		{browser, m.browsers > w.allowed(m)},
		{cause, slices.ContainsFunc(m.callers[:], func(c caller) bool { return w.needless(m, c) })},
	} {
		if p.broken {
			all = append(all, p.promise)
		}
	}
	return all
}

func saves(c caller) bool { return c.worker.at == stepSave }

func (m *moment) tabs() (n int) {
	for _, c := range m.callers {
		if c.tab {
			n++
		}
	}
	return n
}

// needless reports whether c shows a browser though the server takes what is saved.
func (w *walk) needless(m moment, c caller) bool {
	return c.tab && c.result == none && c.kind != asks && c.seen.gen > 0 && !c.seen.old && !m.refused && !m.givenUp() && m.server.accepts(c.seen.gen, w.grace)
}

// givenUp reports whether so many workers were killed that a refresh token may have been
// given up.
func (m *moment) givenUp() bool { return m.gaps+m.unsent >= maxAttempts }

// lost reports whether what is saved is not what the server takes, though nothing has
// befallen it that excuses this.
func (w *walk) lost(m moment) bool {
	if m.disk.gen == 0 {
		return w.first.gen > 0
	}
	taken := m.server.accepts(m.disk.gen, w.grace)
	if !m.disk.token {
		return taken && !m.givenUp()
	}
	return !taken && m.gaps == 0 && !(w.revoked && m.disk.gen == 1)
}

// allowed is how many browsers may have been opened.
func (w *walk) allowed(m moment) uint8 {
	if m.gaps > 0 || m.givenUp() || m.refused {
		return 1 + m.excuses
	}
	return w.need() + m.excuses
}

// need is how many logins a scene takes if all goes well.
func (s *scene) need() uint8 {
	if s.first.gen == 0 || s.revoked || s.noID || slices.Contains(s.kinds, asks) {
		return 1
	}
	return 0
}

// checkEnd looks at a moment in which all have ended.
func (w *walk) checkEnd(m moment) {
	if m.left == w.faults && !w.denies && !w.trouble {
		for _, c := range m.callers {
			if !c.served && (c.mayLogin() || w.need() == 0) {
				w.fail(answered, m)
			}
		}
	}
	if m.record.login.underWay() && !m.pending {
		w.fail(settled, m)
	}
	m.excuses++ // it is a minute later: one may try again
	calm := *w.scene
	calm.trouble, calm.denies = false, false
	m.left, m.record, m.callers[0] = 0, recorded{}, begun(wants)
	for all, _ := calm.moves(m); len(all) > 0 && w.broken == nil; all, _ = calm.moves(m) {
		m = all[0].to
		w.holds(m)
	}
	if !m.callers[0].served {
		w.fail(next, m)
	}
}
