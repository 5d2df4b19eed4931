package desktop

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// ownGroup puts cmd into its own process group, so that Ctrl-C does not reach it. The
// kernel ends cmd if this process is killed.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// killGroup kills the group that p leads, or led.
func killGroup(p *os.Process) error {
	err := syscall.Kill(-p.Pid, syscall.SIGKILL)
	if err == syscall.ESRCH {
		return os.ErrProcessDone
	}
	return err
}

// finish kills the rest of the group that p led, and each process that has mark, a unique
// word, in its command line. It returns when none of them runs.
func finish(p *os.Process, mark string) {
	for range 200 {
		left := running(p.Pid, mark)
		if len(left) == 0 {
			return
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL) // or it has just ended
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// running returns the processes that are in the group or have mark in their
// command line, except those that have ended and were not yet waited for: an
// orphan's end is init's to notice, and init may take its time.
func running(group int, mark string) (pids []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*") // its one error is a bad pattern
	for _, dir := range dirs {
		stat, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil {
			continue // ended meanwhile
		}
		// proc_pid_stat(5): "pid (comm) state ppid pgrp …", and comm may hold anything.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) < 3 || bytes.ContainsAny(fields[0], "ZX") {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		if string(fields[2]) != strconv.Itoa(group) && !bytes.Contains(line, []byte(mark)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func suspend(p *os.Process) error { return p.Signal(syscall.SIGSTOP) }
func resume(p *os.Process) error  { return p.Signal(syscall.SIGCONT) }
