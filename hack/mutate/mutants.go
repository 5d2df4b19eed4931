package main

const (
	program = "./cmd/flyte-credential-helper"
	oauth   = "./pkg/oauth"
	cache   = "./pkg/cache"
)

func mutants() []mutant {
	script := func(name string) string { return "^TestScripts$/^" + name }
	return []mutant{
		{"no first look", "pkg/cache/source.go", "	if s.answers(old, start) {", "	if start.IsZero() {", program, script("parallel_warm")},
		{"no lock", "pkg/cache/source.go", "	unlock, err = s.Store.lockLeader(ctx)\n", "	unlock = func() {}\n", program, script("parallel")},
		{"no second look under the lock", "pkg/cache/source.go", "if s.answers(old, s.Now()) || s.renewedSince(old, start) {", "if false {", program, script("parallel")},
		{"no margin", "pkg/cache/margin.go", "now.Add(Margin(c, minTTL)).Before(c.Expiry)", "now.Before(c.Expiry)", program, script("kubernetes_expiry|token_minttl")},
		{"no save", "pkg/cache/spend.go", "	if err := draft.Save(t); err != nil {", "	if err := error(nil); err != nil {", program, script("kubernetes_login")},
		{"no reuse window", "pkg/cache/source.go", "age >= 0 && age < s.ReuseWindow", "age < 0", program, script("token_window|parallel_expired")},
		{"a failure hides a living token", "pkg/cache/source.go", "	if s.login || ctx.Err() != nil || old == nil", "	if true || ctx.Err() != nil || old == nil", program, script("token_outage")},
		{"a dead refresh token is kept", "pkg/cache/spend.go", `		dead.RefreshToken = ""`, `		dead.RefreshToken += ""`, program, script("token_loggedout")},
		{"spent before the store is ready", "pkg/cache/source.go", "	draft, err := s.Store.prepare(ctx, tried)\n	if err != nil {\n		return nil, err\n	}\n", "	draft := &Draft{store: s.Store}\n", program, script("keyring_trouble")},
		{"no failure window", "pkg/cache/source.go", "failed != nil && !s.Override {", "failed != nil && s.Override {", program, script("failure")},
		{"a failure is not shared", "pkg/cache/source.go", "failed != nil && meanwhile.Generation != last.Generation {", "failed != nil && meanwhile.Generation == 1e9 {", program, script("failure")},
		{"nobody holds the spending lock", "pkg/cache/spend.go", "	unlock, err := s.Store.lockSpending(ctx)\n", "	unlock, err := func() {}, error(nil)\n", program, "TestStormOrphan"},
		{"the spender dies with its caller's group", "cmd/flyte-credential-helper/child.go", "	closeOnExec()\n	detach(cmd)\n	return cmd", "	closeOnExec()\n	return cmd", program, "TestStormOrphan"},
		{"the caller spends itself", "cmd/flyte-credential-helper/child.go", "	if cmd.Start() != nil {", "	if true {", program, "TestStormOrphan"},
		{"a code is sent twice", "pkg/oauth/spending.go", "	case later.cut && s.Refreshes():", "	case later.cut:", program, script("token_retry")},
		{"a refresh is not sent once more", "pkg/oauth/spending.go", "	case later.cut && s.Refreshes():", "	case later.cut && !s.Refreshes():", program, script("token_retry")},
		{"nothing is renewed ahead", "pkg/cache/source.go", "		s.ahead(old)\n", "", program, script("ahead")},
		{"cannot ask is taken for not there", "pkg/cache/store.go", "	if s.damaged || errors.Is(err, errNoKey) {", "	if err != nil {", program, script("keyring_trouble|keyring_unlock")},
		{"the keyring has no deadline", "pkg/cache/keyring_secretservice.go", "context.WithTimeoutCause(ctx, unattendedLimit, slow)", "context.WithTimeoutCause(ctx, unattendedLimit*20, slow)", program, script("keyring_trouble")},
		{"a bus is started where there is none", "pkg/cache/keyring_secretservice.go", `	if k.address() == "" {`, `	if k.address() == "none" {`, program, script("keyring_trouble")},
		{"tokens lie readable beside the seal", "pkg/cache/seal.go", "	return aead(key).Seal(nil, nil, text, additional(id, line))", "	return append(aead(key).Seal(nil, nil, text, additional(id, line)), text...)", program, script("keyring_sealed")},
		{"the client is not part of the name", "pkg/cache/key.go", "	k.Scopes = sorted(k.Scopes)\n", "	k.Scopes = sorted(k.Scopes)\n	k.Client = \"\"\n", cache, "Key|ID"},
		{"the order of scopes is part of the name", "pkg/cache/key.go", "	slices.Sort(list)\n", "", program, script("login_params")},
		{"any refusal means logged out", "pkg/oauth/error.go", `errors.As(err, &e) && e.Code == "invalid_grant"`, `(errors.As(err, &e) || err != nil)`, program, script("failure_server")},
		{"the refresh token is dropped where none is new", "pkg/oauth/spending.go", "		t.RefreshToken = old.RefreshToken\n", "		t.RefreshToken += \"\"\n", program, script("token_refresh")},
		{"the refresh token is not rotated", "pkg/oauth/spending.go", `	if t.RefreshToken == "" {`, `	if true {`, program, script("token_refresh")},
		{"the keys are fetched after the refresh token is spent", "pkg/oauth/refresh.go", "		if s.Keys, err = c.keys(ctx, &t.Server); err != nil {\n			return nil, err", "		if s.Keys, err = c.keys(ctx, &t.Server); err != nil {\n			_ = err", program, script("token_outage")},
		{"the issuer is not compared", "pkg/oauth/metadata.go", "	if m.Issuer != c.Issuer {", "	if false {", program, script("discovery")},
		{"the answer's issuer is not compared", "pkg/oauth/attempt.go", "case a.server.Issuer != \"\" && (announced", "case false && (announced", program, script("discovery")},
		{"a redirect is followed", "pkg/oauth/transport.go", "		redirects = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }", "		redirects = func(*http.Request, []*http.Request) error { return nil }", oauth, "TestRedirectedPost"},
		{"no PKCE", "pkg/oauth/attempt.go", "options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(a.verifier)}", "options := []oauth2.AuthCodeOption{}", program, script("kubernetes_login")},
		{"the Host header is not looked at", "pkg/oauth/listener.go", "case !l.addressed(r.Host):", "case !l.addressed(r.Host) && r.Host == l.path:", oauth, "TestStray"},
		{"a prefetch is the answer", "pkg/oauth/listener.go", `case h.Get("Sec-Purpose") != "" ||`, `case h.Get("Sec-Purpose") == "x" ||`, oauth, "TestStray"},
		{"the nonce is not compared", "pkg/oauth/idtoken.go", `case s.Nonce != "" && id.Nonce != s.Nonce:`, `case s.Nonce == "x" && id.Nonce != s.Nonce:`, oauth, "TestIDToken"},
		{"at_hash is not compared", "pkg/oauth/idtoken.go", `case id.AccessTokenHash != "" &&`, `case id.AccessTokenHash == "x" &&`, oauth, "TestIDToken"},
		{"the apiVersion is not echoed", "pkg/execcred/kubernetes.go", "APIVersion: r.apiVersion, Status", "APIVersion: v1, Status", program, script("kubernetes_version")},
		{"the real expiry is told", "pkg/cache/margin.go", "early := c.Expiry.Add(-Margin(c, 0)); early.After(now)", "early := c.Expiry; early.After(now)", cache, "TestSafeExpiry"},
		{"interactive is ignored", "cmd/flyte-credential-helper/person.go", `	case c.interactive == "never":`, `	case c.interactive == "seldom":`, program, script("login_whether")},
		{"CI is ignored", "cmd/flyte-credential-helper/person.go", `c.interactive == "auto" && c.getenv("CI") != ""`, `c.getenv("CI") == "x"`, program, script("login_whether")},
		{"the browser writes on our streams", "cmd/flyte-credential-helper/browser.go", "	closeOnExec()\n	detach(cmd)\n", "	closeOnExec()\n	detach(cmd)\n	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr\n", program, script("login_browser")},
		{"the browser inherits what the caller left open", "cmd/flyte-credential-helper/browser.go", "	closeOnExec()\n	detach(cmd)\n", "	detach(cmd)\n", program, script("login_browser")},
		{"the browser sees the client's secret", "cmd/flyte-credential-helper/browser.go", `return c.clientSecretEnv != "" && name == c.clientSecretEnv`, `return name == ""`, program, script("login_secret")},
		{"a write error is not told", "cmd/flyte-credential-helper/answer.go", "	if _, err := c.stdout.Write(document); err != nil {", "	if _, err := c.stdout.Write(document); err != nil && document == nil {", program, script("stdout")},
		{"core files are written", "cmd/flyte-credential-helper/process_unix.go", "		limit.Cur = 0\n", "", program, "TestAborted"},
		{"the environment wins over the command line", "cmd/flyte-credential-helper/resolve.go", "if !found || !wanted(s) || fs.Changed(s.name) {", "if !found || !wanted(s) {", program, script("settings|login_words|login_params")},
		{"the server is mixed from two levels", "cmd/flyte-credential-helper/resolve.go", "return s.kind != server || i+1 == named", "return s.kind != server || i < 9", program, script("settings|discovery")},
		{"a pasted answer of another login is taken", "pkg/oauth/attempt.go", "if len(q[\"state\"]) != 1 || subtle", "if len(q[\"state\"]) != 1 || false && subtle", program, "TestPaste"},
		{"a warm answer takes the lock", "pkg/cache/source.go", "	if s.answers(old, start) {", "	if u, e := s.Store.lockLeader(ctx); e == nil {\n		u()\n	}\n	if s.answers(old, start) {", program, "TestWarmSystemCalls"},
		{"the server's clock is not looked at", "pkg/oauth/clock.go", "	return offset\n", "	return 0\n", program, script("clock")},
		{"a clock that was put back is believed", "pkg/cache/margin.go", "c.Obtained.Sub(now) < mostAhead && ", "", program, script("clock")},
		{"nobody says whom we wait for", "pkg/cache/source.go", "	defer s.tell()()\n", "", program, script("waiting")},
		{"what is damaged is lost", "pkg/cache/source.go", "	if s.Store.damaged {", "	if false {", program, script("store_damaged")},
		{"logout does not wait for who spends", "pkg/cache/store.go", "	spending, err := s.lockSpending(ctx)\n", "	spending, err := func() {}, error(nil)\n", cache, "TestLockIsBoth"},
		{"line mode limits what is pasted", "cmd/flyte-credential-helper/terminal.go", "		t.restore = unlimit(t.in)\n", "", program, "TestPaste"},
	}
}
