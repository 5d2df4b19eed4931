package testenv

import (
	"context"
	"fmt"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// Main is for TestMain. It runs the tests of m without a terminal, at which the program
// would otherwise prompt. Scripts can run the programs, by name, which are functions of
// the test binary; and what prepare, unless nil, puts into a new directory, which is on PATH.
func Main(m testscript.TestingM, prepare func(ctx context.Context, dir string) error, programs map[string]func()) {
	Browse()
	all := map[string]func(){browserName: Browse, parallelName: parallel, "init": initProgram}
	maps.Copy(all, programs)
	testscript.Main(suite{m, prepare}, all)
}

type suite struct {
	testscript.TestingM
	prepare func(context.Context, string) error
}

func (s suite) Run() int {
	leaveTerminal()
	dir, err := os.MkdirTemp("", "testenv-")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH")); err != nil {
		log.Print(err)
		return 1
	}
	if s.prepare != nil {
		if err := s.prepare(context.Background(), dir); err != nil {
			log.Print(err)
			return 1
		}
	}
	return s.TestingM.Run()
}

// Released is a preparation for [Main]: it builds the program as it is released.
func Released(ctx context.Context, dir string) error {
	_, err := Build(ctx, dir)
	return err
}

const parallelName = "test-parallel"

// parallel is "test-parallel COUNT N CMD ARG...", for the command parallel.
func parallel() {
	count, _ := strconv.Atoi(os.Args[1])
	want, err := strconv.Atoi(os.Args[2])
	if err != nil || count == 0 {
		log.Fatalf("usage: %s COUNT N CMD", parallelName)
	}
	stdout, stderr, failed := make([]strings.Builder, count), make([]strings.Builder, count), make([]string, count)
	var all sync.WaitGroup
	for i := range count {
		cmd := exec.Command(os.Args[3], os.Args[4:]...)
		cmd.Stdout, cmd.Stderr = &stdout[i], &stderr[i]
		all.Go(func() {
			if err := cmd.Run(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != want {
				failed[i] = fmt.Sprintf("not status %d: %v\n", want, err)
			}
		})
	}
	all.Wait()
	for i := range count {
		fmt.Fprint(os.Stdout, stdout[i].String())
		fmt.Fprint(os.Stderr, stderr[i].String())
	}
	if messages := strings.Join(failed, ""); messages != "" {
		fmt.Fprint(os.Stderr, messages)
		os.Exit(1)
	}
}

// initProgram is "init CMD ARG...", a process 1 as systems have it: it waits for CMD,
// and then for the orphans that it inherited.
func initProgram() {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	reapAll()
	if err != nil {
		os.Exit(1)
	}
}
