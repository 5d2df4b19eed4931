package script

import (
	"context"
	"log"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/hack/machine"
)

// Built is m with the program, built as it is released, on PATH; and [Away].
func Built(m testscript.TestingM) testscript.TestingM { return built{Away(m)} }

type built struct{ testscript.TestingM }

func (b built) Run() int {
	dir, err := os.MkdirTemp("", "e2e-")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if _, err := machine.Build(context.Background(), dir); err != nil {
		log.Print(err)
		return 1
	}
	if err := os.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH")); err != nil {
		log.Print(err)
		return 1
	}
	return b.TestingM.Run()
}
