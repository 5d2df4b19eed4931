package main

import (
	"slices"
	"testing"
)

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		list []float64
		q    float64
		want float64
	}{
		{nil, 0.5, 0},
		{[]float64{3}, 0.25, 3},
		{[]float64{4, 1, 3, 2}, 0.5, 2.5},
		{[]float64{5, 1, 4, 2, 3}, 0.25, 2},
		{[]float64{5, 1, 4, 2, 3}, 0.75, 4},
		{[]float64{5, 1, 4, 2, 3}, 1, 5},
	} {
		if got := quantile(c.list, c.q); got != c.want {
			t.Errorf("%v, %v: %v, not %v", c.list, c.q, got, c.want)
		}
	}
}

func TestVerdict(t *testing.T) {
	for want, r := range map[string]*result{
		"meets goal": {goal: 1.5, gate: 1.8, ratios: []float64{1.3, 1.4, 1.4, 1.5, 9}},
		"near":       {goal: 1.5, gate: 1.8, ratios: []float64{1.7, 1.8, 1.9, 1.9, 2}},
		"misses it":  {goal: 1.5, gate: 1.8, ratios: []float64{1, 1.9, 1.9, 2, 2}},
		"":           {ratios: []float64{1}},
	} {
		if got := r.verdict(); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

func TestParse(t *testing.T) {
	m, err := parse("2000\n10\n3000\n20\n1000\n40\n4096\n")
	if err != nil || !slices.Equal(m.clock.ratios(), []float64{1.5, 3}) || !slices.Equal(m.cpu.ratios(), []float64{2, 0.5}) || m.rss != 4096 {
		t.Errorf("%+v, %v", m, err)
	}
	for _, text := range []string{"", "1 2 3", "1 2 3 4 5 6 x"} {
		if _, err := parse(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
