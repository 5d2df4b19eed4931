//go:build unix

package cache

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// path is what a process did: the steps that it logged, its workers' among them, and
// whether it ended with a token.
type path struct {
	kind    kind
	stops   step // at which it closes stopped and waits for goOn
	stopped chan struct{}
	goOn    chan struct{}
	workers sync.WaitGroup
	mu      sync.Mutex
	steps   []step
	served  bool
}

// log returns a logger that gathers the steps.
func (p *path) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if now, found := strings.CutPrefix(a.Value.String(), stepMessage); a.Key == slog.MessageKey && found {
			p.tell(step(now))
		}
		return a
	}}))
}

func (p *path) tell(now step) {
	p.mu.Lock()
	p.steps = append(p.steps, now)
	p.mu.Unlock()
	if now == p.stops {
		close(p.stopped)
		<-p.goOn
	}
}

// source is a process of kind k that logs its steps in p.
func (p *path) source(w *world) *Source {
	return w.source(ofKind(oauth.Auto), func(s *Source) {
		s.log, s.forceRefresh = p.log(), p.kind == forced
		s.mayLogin = func(context.Context, error) error {
			if !(&caller{kind: p.kind}).mayLogin() {
				return errLoginNeeded
			}
			return nil
		}
		s.worker = func(ctx context.Context, request []byte) ([]byte, error) {
			worker, answer, ended := w.source(), &bytes.Buffer{}, make(chan struct{})
			worker.log = s.log
			p.workers.Go(func() {
				defer close(ended)
				_ = worker.Serve(context.WithoutCancel(ctx), bytes.NewReader(request), answer)
			})
			select {
			case <-ended:
				return answer.Bytes(), nil
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
	})
}

// walk runs the process to its end.
func (p *path) walk(ctx context.Context, w *world) {
	s, err := p.source(w), error(nil)
	switch p.kind {
	case ahead:
		_, p.served = s.RefreshAhead(ctx), true // no process waits for it
		return
	case asks:
		_, _, err = s.Login(ctx)
	default:
		_, err = s.Token(ctx)
	}
	p.served = err == nil
}

// place is a place in several paths at once, and in the model.
type place struct {
	moment
	at [processes]int
}

// follows reports whether the model can take the steps of these paths, and end
// as they did, in one order or another.
func (s *scene) follows(paths []*path) bool {
	from := place{moment: s.begin()}
	for i, p := range paths {
		if p.kind != s.kinds[i] || len(p.steps) == 0 || p.steps[0] != from.callers[i].at {
			return false
		}
		from.at[i] = 1
	}
	return s.leads(from, paths, map[place]bool{})
}

func (s *scene) leads(from place, paths []*path, known map[place]bool) bool {
	if known[from] {
		return false
	}
	known[from] = true
	all, _ := s.moves(from.moment)
	for _, m := range all {
		to := place{moment: m.to, at: from.at}
		if m.says != "" {
			told := paths[m.who].steps[to.at[m.who]:]
			if len(told) == 0 || told[0] != m.says {
				continue
			}
			to.at[m.who]++
		}
		if s.leads(to, paths, known) {
			return true
		}
	}
	for i, p := range paths {
		if c := from.callers[i]; from.at[i] < len(p.steps) || alive(c) || c.served != p.served {
			return false
		}
	}
	return true
}

// inTurn has processes of these kinds walk one after the other.
func inTurn(ctx context.Context, w *world, kinds []kind) (paths []*path) {
	for _, k := range kinds {
		p := &path{kind: k}
		p.walk(ctx, w)
		paths = append(paths, p)
	}
	return paths
}

// atOnce has the second process wait while the first one has the server asked,
// if it is one that waits.
func atOnce(ctx context.Context, t *testing.T, w *world, kinds []kind) []*path {
	first, second := &path{kind: kinds[0]}, &path{kind: kinds[1]}
	asked, waits, during := make(chan struct{}), make(chan struct{}), w.during
	w.during = func(ctx context.Context, s *Store) error {
		close(asked)
		<-waits
		w.move(time.Second)
		if during != nil {
			return during(ctx, s)
		}
		return nil
	}
	var both sync.WaitGroup
	both.Go(func() { first.walk(ctx, w) })
	<-asked
	if second.kind == ahead {
		second.walk(ctx, w)
	} else {
		both.Go(func() { second.walk(ctx, w) })
		waitOpened(t, w.lockPath(), 2)
	}
	close(waits)
	both.Wait()
	return []*path{first, second}
}

func TestTheCodeIsAPathOfTheModel(t *testing.T) {
	here := saved{gen: 1, token: true}
	down := func(w *world) { w.sendErr = errServer }
	unsure := func(w *world) {
		w.during = func(context.Context, *Store) error {
			if w.sent == 1 {
				return &oauth.Error{Class: oauth.ClassRefused, Code: "unauthorized_client", Saved: oauth.LoginRefused}
			}
			return nil
		}
	}
	no := func(w *world) { w.userErr = &oauth.Error{Class: oauth.ClassRefused, Code: "access_denied"} }
	loggedOut := func(w *world) {
		w.during = func(context.Context, *Store) error {
			if w.sent == 1 {
				return errDead
			}
			return nil
		}
	}
	oldID := func(w *world) {
		w.answer = func(n int, old *oauth.Token) *oauth.Token {
			token := w.newToken(n)
			if n == 1 {
				token.IDToken, token.IDExpiry, token.IDObtained = old.IDToken, old.IDExpiry, old.IDObtained
			}
			return token
		}
	}
	for _, c := range []struct {
		scene
		has    time.Duration // the age of the saved set; 0: there is none
		server func(*world)
		atOnce bool
	}{
		{scene: scene{name: "warm", first: here, age: good, kinds: []kind{wants}}, has: 2 * time.Minute},
		{scene: scene{name: "refresh", first: here, kinds: []kind{wants, wants}}, has: 2 * time.Hour},
		{scene: scene{name: "refresh, another waits", first: here, kinds: []kind{wants, wants}}, has: 2 * time.Hour, atOnce: true},
		{scene: scene{name: "forced", first: here, age: good, kinds: []kind{forced, forced}}, has: 2 * time.Minute},
		{scene: scene{name: "forced, another waits", first: here, age: good, kinds: []kind{forced, forced}}, has: 2 * time.Minute, atOnce: true},
		{scene: scene{name: "refresh with an ID token", first: here, twoStep: true, kinds: []kind{wants, wants}}, has: 2 * time.Hour, server: func(w *world) { w.twoStep = true }},
		{scene: scene{name: "login", kinds: []kind{wants, wants}}},
		{scene: scene{name: "login with an ID token", twoStep: true, kinds: []kind{wants, wants}}, server: func(w *world) { w.twoStep = true }},
		{scene: scene{name: "the user says no", denies: true, kinds: []kind{wants, unattended, wants}}, server: no},
		{scene: scene{name: "the user says no, and asks", denies: true, kinds: []kind{wants, asks}}, server: no},
		{scene: scene{name: "a code at a server in trouble", trouble: true, kinds: []kind{wants, wants}}, server: down},
		{scene: scene{name: "login, another waits", kinds: []kind{wants, unattended}}, atOnce: true},
		{scene: scene{name: "login asked for", first: here, age: good, kinds: []kind{asks, asks}}, has: 2 * time.Minute},
		{scene: scene{name: "no login may start", kinds: []kind{unattended}}},
		{scene: scene{name: "logged out", first: here, revoked: true, kinds: []kind{wants, wants}}, has: 2 * time.Hour, server: loggedOut},
		{scene: scene{name: "logged out, no login may start", first: here, revoked: true, kinds: []kind{unattended, unattended}}, has: 2 * time.Hour, server: loggedOut},
		{scene: scene{name: "refused, and need not last", first: here, trouble: true, kinds: []kind{wants, wants}}, has: 2 * time.Hour, server: unsure},
		{scene: scene{name: "refused, and no login may start", first: here, trouble: true, kinds: []kind{unattended, unattended}}, has: 2 * time.Hour, server: unsure},
		{scene: scene{name: "no ID token", first: here, noID: true, kinds: []kind{wants}}, has: 2 * time.Hour, server: oldID},
		{scene: scene{name: "failed a moment ago", first: here, trouble: true, kinds: []kind{wants, wants}}, has: 2 * time.Hour, server: down},
		{scene: scene{name: "failed while another waits", first: here, trouble: true, kinds: []kind{wants, wants}}, has: 2 * time.Hour, server: down, atOnce: true},
		{scene: scene{name: "failed with a valid token", first: here, age: dying, trouble: true, kinds: []kind{wants, wants}}, has: inMargin, server: down},
		{scene: scene{name: "ahead", first: here, age: good, kinds: []kind{ahead, ahead}}, has: 55 * time.Minute},
		{scene: scene{name: "ahead, another does", first: here, age: dying, kinds: []kind{wants, ahead}}, has: inMargin, atOnce: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			if c.has != 0 {
				w.has(t, c.has)
			}
			if c.server != nil {
				c.server(w)
			}
			var paths []*path
			if c.atOnce {
				paths = atOnce(t.Context(), t, w, c.kinds)
			} else {
				paths = inTurn(t.Context(), w, c.kinds)
			}
			if !c.follows(paths) {
				t.Errorf("the model does not know this way:%s", told(paths))
			}
			wantNoOther(t, &c.scene, paths)
		})
	}
}

// wantNoOther checks that follows says no to what is almost these paths: a step
// left out, a step said twice, another end.
func wantNoOther(t *testing.T, s *scene, paths []*path) {
	t.Helper()
	no := func(what string) {
		t.Helper()
		if s.follows(paths) {
			t.Errorf("the model knows this way, too, with %s:%s", what, told(paths))
		}
	}
	for _, p := range paths {
		for i, now := range p.steps {
			was := p.steps
			p.steps = slices.Delete(slices.Clone(was), i, i+1)
			no("a step left out")
			p.steps = slices.Insert(slices.Clone(was), i, now)
			no("a step said twice")
			p.steps = was
		}
		p.served = !p.served
		no("another end")
		p.served = !p.served
	}
}

func told(paths []*path) (text string) {
	for _, p := range paths {
		text += fmt.Sprintf("\n\t%q, served: %t", p.steps, p.served)
	}
	return text
}

// A caller that is interrupted releases the lock, records nothing, and leaves a worker that
// goes on. The next caller waits for a worker that has the redeem lock; if it has not, the
// next caller's worker may come first, and the other one finds that out.
func TestAnInterruptedCallIsAPathOfTheModel(t *testing.T) {
	for _, c := range []struct {
		stops step // of the worker, when its leader is interrupted
		next  kind
		waits bool
	}{
		{stepSend, wants, true},
		{stepSend, ahead, false},
		{stepSave, wants, true},
		{stepRedeemLock, wants, false},
		{stepRedeemLock, ahead, false},
	} {
		t.Run(fmt.Sprintf("%s, the next is %d", c.stops, c.next), func(t *testing.T) {
			w := newWorld(t)
			w.has(t, 2*time.Hour)
			first := &path{kind: wants, stops: c.stops, stopped: make(chan struct{}), goOn: make(chan struct{})}
			second := &path{kind: c.next}
			ctx, interrupt := context.WithCancelCause(t.Context())
			var walks sync.WaitGroup
			walks.Go(func() { first.walk(ctx, w) })
			<-first.stopped
			interrupt(oauth.ErrCanceled)
			walks.Wait()
			if c.waits {
				walks.Go(func() { second.walk(t.Context(), w) })
				waitOpened(t, w.store.Dir.path(w.store.redeemLock()), 2)
			} else {
				second.walk(t.Context(), w)
			}
			close(first.goOn)
			walks.Wait()
			first.workers.Wait()
			s := scene{first: saved{gen: 1, token: true}, kinds: []kind{wants, c.next}, faults: 1}
			if paths := []*path{first, second}; !s.follows(paths) {
				t.Errorf("the model does not know this way:%s", told(paths))
			}
			w.wantBrowsers(t, 0)
			if w.sent != 1 {
				t.Errorf("%d token requests", w.sent)
			}
		})
	}
}
