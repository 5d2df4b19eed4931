package script

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
)

// Parallel is a program that runs so many of another at once, says what they all
// say, and then how many succeeded: "parallel 8 COMMAND ARGS".
func Parallel() {
	n, err := strconv.Atoi(os.Args[1])
	if err != nil {
		os.Exit(2)
	}
	outputs, succeeded := make([]strings.Builder, 2*n), make([]bool, n)
	var all sync.WaitGroup
	for i := range n {
		cmd := exec.Command(os.Args[2], os.Args[3:]...)
		cmd.Stdout, cmd.Stderr = &outputs[i], &outputs[n+i]
		all.Go(func() { succeeded[i] = cmd.Run() == nil })
	}
	all.Wait()
	good := 0
	for i := range n {
		fmt.Fprint(os.Stdout, outputs[i].String())
		fmt.Fprint(os.Stderr, outputs[n+i].String())
		if succeeded[i] {
			good++
		}
	}
	fmt.Printf("%d of %d succeeded\n", good, n)
	os.Exit(0)
}
