package cache

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// move is a step that somebody takes, or a fault.
type move struct {
	who  int
	says step // the step at which it then is, if it is another
	what string
	to   moment
}

// String numbers processes by their place in the moment: see sorted.
func (m move) String() string {
	c := m.to.callers[m.who]
	return fmt.Sprintf("%s%d: %s, child %q, disk %d", m.what, m.who, c.at, c.child.at, m.to.disk.gen)
}

// moves are all that may come next, and whether that is so without a fault.
func (s *scene) moves(m moment) (all []move, goes bool) {
	add := func(what string, i int, turns []turn) {
		for _, t := range turns {
			all = append(all, move{who: i, what: what, says: said(m.callers[i], t.callers[i]), to: t.moment})
		}
	}
	for i := range m.callers {
		t := turn{s, m, i}
		add("", i, t.call())
		add("child ", i, t.spend())
	}
	goes = len(all) > 0
	if m.record.failure == later { // its seconds pass
		t := turn{s, m, 0}
		t.record.failure = none
		add("the window passes: ", 0, []turn{t})
	}
	for i := range m.callers {
		add("fault of ", i, turn{s, m, i}.fault())
	}
	return all, goes
}

// said is the step that a process names when it comes from one moment to another.
func said(from, to caller) step {
	switch {
	case to.child.at != from.child.at && to.child.at != gone:
		return to.child.at
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
	seeks   string // the one promise to look at; empty: all
	broken  *breach
}

func (s *scene) walk(seeks string) *walk {
	w := &walk{scene: s, visited: map[moment]bool{}, seeks: seeks}
	w.visit(s.begin().sorted())
	return w
}

// sorted is m with those who want the same in an order: which of them is where
// makes no difference.
func (m moment) sorted() moment {
	slices.SortFunc(m.callers[:], func(a, b caller) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), strings.Compare(string(a.at), string(b.at)), strings.Compare(string(a.child.at), string(b.child.at)),
			cmp.Compare(a.start, b.start), cmp.Compare(a.seen.gen, b.seen.gen), cmp.Compare(a.last, b.last))
	})
	return m
}

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
	once     = "a refresh token is spent once"
	login    = "no login is lost"
	tab      = "one browser at a time"
	browser  = "one browser in all"
	cause    = "a browser opens where the server takes nothing that is kept"
	waiting  = "nobody waits for ever"
	answered = "everybody is answered"
	next     = "the next one is answered"
)

// breach is a promise that does not hold, and how one comes to that.
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
	return fmt.Sprintf("%s\n\tdisk %+v, record %+v, spent %v, %d browsers, %d excuses, %d gaps", text,
		m.disk, m.record, m.server.spent, m.browsers, m.excuses, m.gaps)
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

func alive(c caller) bool { return c.at != ended && c.at != killed || c.child.at != gone }

// breaks returns the promises that m breaks.
func (w *walk) breaks(m moment) (all []string) {
	spends, keeping := slices.Max(m.server.spent[:]), slices.ContainsFunc(m.callers[:], keeps)
	for _, p := range []struct {
		promise string
		broken  bool
	}{
		{once, spends > 1+m.gaps},
		{login, !keeping && w.lost(m)},
		{tab, m.tabs() > 1},
		{browser, m.browsers > w.need()+m.excuses},
		{cause, slices.ContainsFunc(m.callers[:], func(c caller) bool { return w.needless(m, c) })},
	} {
		if p.broken {
			all = append(all, p.promise)
		}
	}
	return all
}

func keeps(c caller) bool { return c.child.at == stepKeep }

func (m *moment) tabs() (n int) {
	for _, c := range m.callers {
		if c.tab {
			n++
		}
	}
	return n
}

// needless reports whether c asks a person though the server takes what is kept.
func (w *walk) needless(m moment, c caller) bool {
	return c.tab && c.result == none && c.kind != asks && c.seen.gen > 0 && !c.seen.old && m.server.accepts(c.seen.gen, w.grace)
}

// lost reports whether what is kept is not what the server takes, though nothing
// has befallen it that excuses this.
func (w *walk) lost(m moment) bool {
	if m.disk.gen == 0 {
		return w.first.gen > 0
	}
	taken := m.server.accepts(m.disk.gen, w.grace)
	if !m.disk.token {
		return taken
	}
	return !taken && m.gaps == 0 && !(w.revoked && m.disk.gen == 1)
}

// need is how many logins a scene takes where all goes well.
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
	if m.record.failure != none {
		m.excuses++ // it is a minute later: one may try again
	}
	calm := *w.scene
	calm.trouble, calm.denies = false, false
	m.left, m.record.failure, m.callers[0] = 0, none, begun(wants)
	for all, _ := calm.moves(m); len(all) > 0 && w.broken == nil; all, _ = calm.moves(m) {
		m = all[0].to
		w.holds(m)
	}
	if !m.callers[0].served {
		w.fail(next, m)
	}
}
