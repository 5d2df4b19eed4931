// Command beside runs a program with a hello world on each side of it, and
// prints what they cost: "beside HELLO PROGRAM [ARGUMENT]…" prints the nanoseconds
// of the hello before, of the program and of the hello after, by the clock and of
// processor time, and the program's peak RSS as the system counts it.
//
// It is a program of its own, and small, because a child's peak RSS begins with
// what its parent has, and because the program takes a second call by one parent
// for a sign that the API server refused the first one's token.
package main

import (
	"os"
	"strconv"
	"time"
)

func main() {
	if len(os.Args) < 3 {
		os.Exit(2)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		fail(err)
	}
	hello, program := os.Args[1:2], os.Args[2:]
	run(hello, null) // pays for our own start
	before, own, after := run(hello, null), run(program, null), run(hello, null)
	for _, n := range []int64{before.clock, before.cpu, own.clock, own.cpu, after.clock, after.cpu, own.rss} {
		_, _ = os.Stdout.WriteString(strconv.FormatInt(n, 10) + "\n")
	}
}

type cost struct{ clock, cpu, rss int64 }

// run runs a program to its end, which must be a good one.
func run(argv []string, stdout *os.File) cost {
	start := time.Now()
	p, err := os.StartProcess(argv[0], argv, &os.ProcAttr{Files: []*os.File{os.Stdin, stdout, os.Stderr}})
	if err != nil {
		fail(err)
	}
	state, err := p.Wait()
	took := time.Since(start)
	if err != nil {
		fail(err)
	}
	if !state.Success() {
		_, _ = os.Stderr.WriteString(argv[0] + ": " + state.String() + "\n")
		os.Exit(1)
	}
	return cost{int64(took), int64(state.UserTime() + state.SystemTime()), peak(state)}
}

func fail(err error) {
	_, _ = os.Stderr.WriteString(err.Error() + "\n")
	os.Exit(1)
}
