package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

// row is a program with arguments that is measured.
type row struct {
	name   string
	goal   float64  // the ratio to reach; 0: there is none
	gate   float64  // the ratio never to exceed; at least goal
	binary []string // copies, which take turns
	args   []string
	env    []string
	stdin  string       // a file, or empty
	before func() error // makes the next run what it is to be; not timed
	oneIn  int          // it runs in one of so many rounds; 0: in each
}

// runs reports whether the row has its turn in a round.
func (r row) runs(round int) bool { return r.oneIn == 0 || round%r.oneIn == 0 }

// run measures the row once. It starts and ends a parent for it.
func (b *bench) run(ctx context.Context, r row, round int) (m measurement, err error) {
	if r.before != nil {
		if err := r.before(); err != nil {
			return m, fmt.Errorf("%s: %w", r.name, err)
		}
	}
	argv := append([]string{b.hello[round%copies], r.binary[round%len(r.binary)]}, r.args...)
	cmd := exec.CommandContext(ctx, b.beside, argv...)
	cmd.Env = r.env
	testenv.OwnSession(cmd)
	if r.stdin != "" {
		f, err := os.Open(r.stdin)
		if err != nil {
			return m, err
		}
		defer f.Close()
		cmd.Stdin = f
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return m, fmt.Errorf("%s: %w: %s", r.name, err, oneLine([]byte(stderr.String())))
	}
	return parse(string(out))
}

// measurement is what one run cost, and the hello worlds on its two sides: by the
// clock and in processor time.
type measurement struct {
	clock, cpu beside
	rss        int64
}

// beside is the cost of a program and of its neighbours.
type beside struct{ before, own, after time.Duration }

// ratios are how many hello worlds it cost, by each of the two. Their mean would
// not do: of one that was held up the other would seem quick.
func (b beside) ratios() []float64 {
	return []float64{float64(b.own) / float64(b.before), float64(b.own) / float64(b.after)}
}

func parse(text string) (m measurement, err error) {
	var rss time.Duration
	into := []*time.Duration{&m.clock.before, &m.cpu.before, &m.clock.own, &m.cpu.own, &m.clock.after, &m.cpu.after, &rss}
	words := strings.Fields(text)
	if len(words) != len(into) {
		return m, fmt.Errorf("beside said %q", text)
	}
	for i, word := range words {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return m, err
		}
		*into[i] = time.Duration(n)
	}
	m.rss = int64(rss)
	return m, nil
}

// interleave runs the rows one each, for so many rounds. Each round has an order
// of its own: who comes after a call of the same binary finds the processor's caches
// warm, which is some percent.
func (b *bench) interleave(ctx context.Context, rows []row) ([]*result, error) {
	results := make([]*result, len(rows))
	for i, r := range rows {
		results[i] = &result{name: r.name, goal: r.goal, gate: r.gate, size: sizeOf(r.binary[0])}
	}
	warming := b.rounds/10 + 1
	for round := range warming + b.rounds {
		for _, i := range rand.Perm(len(rows)) {
			r := rows[i]
			if !r.runs(round) {
				continue
			}
			m, err := b.run(ctx, r, round)
			if err != nil {
				return nil, err
			}
			if round >= warming {
				results[i].add(m)
			}
		}
	}
	return results, nil
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
