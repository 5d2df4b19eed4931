// Command pair runs a hello world and then another program, "pair HELLO PROGRAM
// [ARGUMENT]…", and prints the nanoseconds that each of them took.
//
// It is a program of its own, because flyte-credential-helper takes the second call
// by one parent for a sign that the API server rejected the token of the first.
package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	if err := measure(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pair:", err)
		os.Exit(1)
	}
}

func measure(argv []string) error {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	// The first run is not printed: it pays for the page faults of this process.
	for i, args := range [][]string{argv[:1], argv[:1], argv[1:]} {
		took, err := run(args, null)
		if err != nil {
			return err
		}
		if i > 0 {
			fmt.Println(took.Nanoseconds())
		}
	}
	return nil
}

func run(argv []string, stdout *os.File) (time.Duration, error) {
	start := time.Now()
	p, err := os.StartProcess(argv[0], argv, &os.ProcAttr{Files: []*os.File{os.Stdin, stdout, os.Stderr}})
	if err != nil {
		return 0, err
	}
	state, err := p.Wait()
	took := time.Since(start)
	if err == nil && !state.Success() {
		err = fmt.Errorf("%s: %s", argv[0], state)
	}
	return took, err
}
