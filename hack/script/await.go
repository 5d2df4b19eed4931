package script

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// Await is a program that waits until a file is there, and has so many lines:
// "await FILE [LINES]".
func Await() {
	lines := 0
	if len(os.Args) > 2 {
		lines, _ = strconv.Atoi(os.Args[2])
	}
	for range 2000 {
		text, err := os.ReadFile(os.Args[1])
		_, missing := os.Stat(os.Args[1])
		if missing == nil && (err != nil || strings.Count(string(text), "\n") >= lines) {
			os.Exit(0)
		}
		time.Sleep(5 * time.Millisecond)
	}
	os.Exit(1)
}
