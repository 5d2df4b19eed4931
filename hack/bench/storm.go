package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

// storms measures many warm calls at once against as many hello worlds,
// alternately.
func (b *bench) storms(ctx context.Context) (results []*result, err error) {
	for _, s := range []struct {
		calls, rounds int
		goal          float64
	}{{100, 7, 1.6}, {1000, 3, 1.8}} {
		r := &result{name: fmt.Sprintf("%d × kubernetes at once", s.calls), goal: s.goal, gate: s.goal}
		if !b.wants(r.name) {
			continue
		}
		for round := range s.rounds {
			if err := b.storm(ctx, r, s.calls, round); err != nil {
				return nil, err
			}
		}
		results = append(results, r)
	}
	return results, nil
}

func (b *bench) storm(ctx context.Context, r *result, calls, round int) error {
	m := b.machines[0]
	hello, err := together(ctx, calls, m.Env, b.hello[round%copies])
	if err != nil {
		return err
	}
	ours, err := together(ctx, calls, m.Env, b.ours[round%copies], "kubernetes")
	if err != nil {
		return err
	}
	r.ratios, r.times = append(r.ratios, float64(ours)/float64(hello)), append(r.times, ours)
	return nil
}

// together runs so many processes of a program at once, and returns how long it
// takes until the last has ended well.
func together(ctx context.Context, n int, env []string, program string, args ...string) (took time.Duration, err error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	start := time.Now()
	var started []*exec.Cmd
	for range n {
		cmd := exec.Command(program, args...)
		cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, null, null, null
		testenv.OwnSession(cmd)
		if err = cmd.Start(); err != nil {
			break
		}
		started = append(started, cmd)
	}
	for _, cmd := range started {
		if ctx.Err() != nil {
			_ = cmd.Process.Kill()
		}
		if e := cmd.Wait(); e != nil && err == nil {
			err = fmt.Errorf("%s %v, one of %d: %w", program, args, n, e)
		}
	}
	return time.Since(start), err
}

// cold measures calls that find no login, then some that find it expired.
func (b *bench) cold(ctx context.Context) error {
	const cold, expired = 200, 50
	if !b.wants("cold") {
		return nil
	}
	m, err := b.machine()
	if err != nil {
		return err
	}
	took, err := together(ctx, cold, m.Env, b.ours[0], "token")
	if err != nil {
		return err
	}
	ended := time.Now()
	signIns := m.Server.Requests("sign-in")
	if len(signIns) == 0 {
		return fmt.Errorf("%d cold calls: nobody signed in", cold)
	}
	b.note("%d cold at once: %d browsers, %d token requests, all answered after %.2f s, %.2f s after the person had signed in (goals: 1, 1, 1 s)",
		cold, m.Browsers(), m.Server.Count("token"), took.Seconds(), ended.Sub(signIns[len(signIns)-1].At).Seconds())
	m.Server.ResetCounts()
	if err := m.Age(ctx, lifetime+time.Hour); err != nil {
		return err
	}
	if took, err = together(ctx, expired, m.Env, b.ours[0], "token"); err != nil {
		return err
	}
	b.note("%d expired at once: %d browsers more, %d token requests, all answered after %.2f s",
		expired, m.Browsers()-1, m.Server.Count("token"), took.Seconds())
	return nil
}
