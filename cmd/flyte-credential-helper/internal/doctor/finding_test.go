package doctor

import (
	"testing"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
)

// The summary names the first failure, or without one the first warning.
func TestText(t *testing.T) {
	good := ok("https://login.example.com").at("server")
	warned := ok("none").at("proxy").warning("it is not read", config.Hint{})
	failed := ok("none").at("login").failure("not logged in", config.Command("flyte-credential-helper", "login"))
	later := ok("none").at("token").failure("a consequence\nof it", config.Hint{})
	shown := ok("none").at("discovery").failure("it does not answer", config.Inspect("curl", "https://example.com"))
	for _, row := range []struct {
		findings []Finding
		failed   bool
		want     string
	}{
		{[]Finding{good}, false, "ok    server: https://login.example.com\n\nno problems\n"},
		{[]Finding{warned}, false, "warn  proxy: none\n      it is not read\n\nno problems, 1 warning; first: proxy: it is not read\n"},
		{[]Finding{warned, failed, later}, true, "warn  proxy: none\n      it is not read\n" +
			"FAIL  login: none\n      not logged in\n      fix: flyte-credential-helper login\n" +
			"FAIL  token: none\n      a consequence of it\n\n" +
			"2 problems, 1 warning; first: login: not logged in; fix: flyte-credential-helper login\n"},
		{[]Finding{shown}, true, "FAIL  discovery: none\n      it does not answer\n      next: curl https://example.com\n\n" +
			"1 problem; first: discovery: it does not answer; next: curl https://example.com\n"},
		{[]Finding{skipped("there is no saved login").at("token")}, false, "skip  token: skipped: there is no saved login\n\nno problems\n"},
	} {
		if got := Text(row.findings); got != row.want || Failed(row.findings) != row.failed {
			t.Errorf("got %q (%v), not %q (%v)", got, Failed(row.findings), row.want, row.failed)
		}
	}
}
