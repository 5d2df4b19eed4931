package script

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// Pass lets time pass for what is known of failures in the script's $STATE:
// "pass 6s".
func Pass(ts *testscript.TestScript, args []string) {
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	files, err := filepath.Glob(filepath.Join(ts.Getenv("STATE"), "*.record"))
	ts.Check(err)
	for _, name := range files {
		text, err := os.ReadFile(name)
		ts.Check(err)
		var r map[string]any
		ts.Check(json.Unmarshal(text, &r))
		until, err := time.Parse(time.RFC3339, fmt.Sprint(r["until"]))
		ts.Check(err)
		r["until"] = until.Add(-d)
		text, err = json.Marshal(r)
		ts.Check(err)
		ts.Check(os.WriteFile(name, text, 0o600))
	}
	if len(files) == 0 {
		ts.Fatalf("no failure is known")
	}
}
