package main

import (
	"slices"
	"testing"
	"time"
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
	few := make([]time.Duration, 3) // of them the interval is as wide as can be
	for name, test := range map[string]struct {
		result
		want string
	}{
		"all below the goal":   {result{goal: 1.5, gate: 1.8, times: few, ratios: []float64{1.3, 1.4, 1.4, 1.4, 1.5}}, "meets goal"},
		"one above the goal":   {result{goal: 1.5, gate: 1.8, times: few, ratios: []float64{1.3, 1.4, 1.4, 1.4, 1.6}}, "within the gate"},
		"one above the gate":   {result{goal: 1.5, gate: 1.8, times: few, ratios: []float64{1.3, 1.4, 1.4, 1.4, 1.9}}, "near"},
		"most above the gate":  {result{goal: 1.5, gate: 1.8, times: few, ratios: []float64{1.7, 1.8, 1.9, 1.9, 2}}, "near"},
		"three quarters above": {result{goal: 1.5, gate: 1.8, times: few, ratios: []float64{1, 1.9, 1.9, 2, 2}}, "misses it"},
		"nothing measured":     {result{goal: 1.5, gate: 1.8}, ""},
		"no goal":              {result{times: few, ratios: []float64{1}}, ""},
		"one far out of many":  {result{goal: 1.5, gate: 1.8, times: make([]time.Duration, 400), ratios: append(slices.Repeat([]float64{1.4}, 799), 9)}, "meets goal"},
	} {
		if got := test.verdict(); got != test.want {
			t.Errorf("%s: %q, not %q", name, got, test.want)
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
