//go:build linux && faults

package faults

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// crowdCommand is the argument by which this program is pid 1 of a namespace of
// its own: "PROGRAM crowd COUNT COMMAND…" runs the command so many times at once.
const crowdCommand = "crowd"

// caller is the result of one of them, as printed on stdout.
type caller struct {
	Took   time.Duration
	Code   int
	Answer string
	Said   string
	Memory int64 // KiB
}

// crowd runs the callers, prints their results and waits for the orphans they leave.
func crowd(args []string) int {
	n, err := strconv.Atoi(args[0])
	if err != nil || len(args) < 2 {
		return 2
	}
	all := make([]caller, n)
	var wait sync.WaitGroup
	for i := range all {
		wait.Go(func() { all[i] = call(args[1:]) })
	}
	wait.Wait()
	for {
		if _, err := syscall.Wait4(-1, nil, 0, nil); err == syscall.ECHILD {
			break
		}
	}
	if json.NewEncoder(os.Stdout).Encode(all) != nil {
		return 1
	}
	return 0
}

func call(words []string) caller {
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	c := caller{Took: time.Since(start), Code: -1, Answer: stdout.String(), Said: stderr.String()}
	if cmd.ProcessState == nil {
		c.Said = err.Error()
		return c
	}
	c.Code = cmd.ProcessState.ExitCode()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.Memory = usage.Maxrss
	}
	return c
}
