package execcredtest

import (
	"os"
	"testing"
)

// modeVariable makes the test binary a plugin, good or bad in a way.
const modeVariable = "EXECCREDTEST_MODE"

func TestMain(m *testing.M) {
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0") // else each plugin sleeps a second at its end
	switch mode := os.Getenv(modeVariable); mode {
	case "":
		os.Exit(m.Run())
	case "child":
		stay()
	default:
		os.Exit(modes()[mode]())
	}
}
