package main

const (
	program = "./cmd/flyte-credential-helper"
	oauth   = "./pkg/oauth"
	cache   = "./pkg/cache"
)

func mutants() []mutant {
	script := func(name string) string { return "^TestScripts$/^" + name }
	return []mutant{
		{"no first look", "pkg/cache/source.go", "if err != nil || s.answers(old, start) {", "if err != nil {", program, script("parallel_warm")},
		{"no lock", "pkg/cache/source.go", "	unlock, err = s.Store.Lock(ctx)\n", "	unlock = func() {}\n", program, script("parallel")},
		{"no second look under the lock", "pkg/cache/source.go", "if s.answers(old, s.Now()) || s.renewedSince(old, start) {", "if false {", program, script("parallel")},
		{"no margin", "pkg/cache/margin.go", "now.Add(Margin(c, minTTL)).Before(c.Expiry)", "now.Before(c.Expiry)", program, script("kubernetes_expiry|token_minttl")},
		{"no save", "pkg/cache/source.go", "if err := draft.Save(renewed); err != nil {", "if err := error(nil); err != nil {", program, script("kubernetes_login")},
		{"no reuse window", "pkg/cache/source.go", "age >= 0 && age < s.ReuseWindow", "age < 0", program, script("token_window|parallel_expired")},
		{"a failure hides a living token", "pkg/cache/source.go", "	if s.login || ctx.Err() != nil || old == nil", "	if true || ctx.Err() != nil || old == nil", program, script("token_outage")},
		{"a dead refresh token is kept", "pkg/cache/source.go", `		dead.RefreshToken = ""`, `		dead.RefreshToken += ""`, program, script("token_loggedout")},
		{"spent before the store is ready", "pkg/cache/source.go", "	draft, err := s.Store.Prepare(ctx)\n	if err != nil {\n		return nil, err\n	}\n	renewed, err := spend(ctx)", "	renewed, err := spend(ctx)\n	draft, e := s.Store.Prepare(ctx)\n	if e != nil {\n		return nil, e\n	}", program, script("keyring_trouble")},
		{"cannot ask is taken for not there", "pkg/cache/store.go", "	if errors.Is(err, errDamaged) || errors.Is(err, errNoKey) {", "	if err != nil {", program, script("keyring_trouble|keyring_unlock")},
		{"the keyring has no deadline", "pkg/cache/keyring_secretservice.go", "context.WithTimeoutCause(ctx, unattendedLimit, slow)", "context.WithTimeoutCause(ctx, unattendedLimit*20, slow)", program, script("keyring_trouble")},
		{"a bus is started where there is none", "pkg/cache/keyring_secretservice.go", `	if k.address() == "" {`, `	if k.address() == "none" {`, program, script("keyring_trouble")},
		{"tokens lie readable beside the seal", "pkg/cache/seal.go", "	return aead(key).Seal(nil, nil, text, additional(id, line))", "	return append(aead(key).Seal(nil, nil, text, additional(id, line)), text...)", program, script("keyring_sealed")},
		{"the client is not part of the name", "pkg/cache/key.go", "	k.Scopes = sorted(k.Scopes)\n", "	k.Scopes = sorted(k.Scopes)\n	k.Client = \"\"\n", cache, "Key|ID"},
		{"the order of scopes is part of the name", "pkg/cache/key.go", "	slices.Sort(list)\n", "", program, script("login_params")},
		{"any refusal means logged out", "pkg/oauth/error.go", `errors.As(err, &e) && e.Code == "invalid_grant"`, `errors.As(err, &e) || err != nil`, program, script("token_outage")},
		{"the refresh token is dropped where none is new", "pkg/oauth/refresh.go", "		renewed.RefreshToken = t.RefreshToken\n", "		renewed.RefreshToken += \"\"\n", program, script("token_refresh")},
		{"the refresh token is not rotated", "pkg/oauth/refresh.go", `	if renewed.RefreshToken == "" {`, `	if true {`, program, script("token_refresh")},
		{"the keys are fetched after the refresh token is spent", "pkg/oauth/refresh.go", "		if keys, err = c.keys(ctx, &t.Server); err != nil {\n			return nil, err", "		if keys, err = c.keys(ctx, &t.Server); err != nil {\n			_ = err", program, script("token_outage")},
		{"the issuer is not compared", "pkg/oauth/metadata.go", "	if m.Issuer != c.Issuer {", "	if false {", program, script("discovery")},
		{"the answer's issuer is not compared", "pkg/oauth/attempt.go", "case a.server.Issuer != \"\" && (announced", "case false && (announced", program, script("discovery")},
		{"a redirect is followed", "pkg/oauth/transport.go", "		redirects = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }", "		redirects = func(*http.Request, []*http.Request) error { return nil }", oauth, "Redirect|Exchange|Post"},
		{"no PKCE", "pkg/oauth/attempt.go", "[]oauth2.AuthCodeOption{oauth2.S256ChallengeOption(a.verifier)}", "[]oauth2.AuthCodeOption{}", program, script("kubernetes_login")},
		{"the apiVersion is not echoed", "pkg/execcred/kubernetes.go", "APIVersion: r.apiVersion, Status", "APIVersion: v1, Status", program, script("kubernetes_version")},
		{"the real expiry is told", "cmd/flyte-credential-helper/answer.go", "cache.SafeExpiry(credential, c.now())", "credential.Expiry", program, script("kubernetes_expiry")},
		{"interactive is ignored", "cmd/flyte-credential-helper/person.go", `	case c.interactive == "never":`, `	case c.interactive == "seldom":`, program, script("login_whether")},
		{"CI is ignored", "cmd/flyte-credential-helper/person.go", `c.interactive == "auto" && c.getenv("CI") != ""`, `c.getenv("CI") == "x"`, program, script("login_whether")},
		{"the browser writes on our streams", "cmd/flyte-credential-helper/browser.go", "	closeOnExec()\n	detach(cmd)\n", "	closeOnExec()\n	detach(cmd)\n	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr\n", program, script("login_browser")},
		{"the browser inherits what the caller left open", "cmd/flyte-credential-helper/browser.go", "	closeOnExec()\n	detach(cmd)\n", "	detach(cmd)\n", program, script("login_browser")},
		{"the browser sees the client's secret", "cmd/flyte-credential-helper/browser.go", `return c.clientSecretEnv != "" && name == c.clientSecretEnv`, `return false`, program, script("login_secret")},
		{"a write error is not told", "cmd/flyte-credential-helper/answer.go", "	if _, err := c.stdout.Write(document); err != nil {", "	if _, err := c.stdout.Write(document); false {", program, script("stdout")},
		{"core files are written", "cmd/flyte-credential-helper/run.go", "	noCore()\n", "", program, "TestAborted"},
		{"the environment wins over the command line", "cmd/flyte-credential-helper/resolve.go", "if !found || !wanted(s) || fs.Changed(s.name) {", "if !found || !wanted(s) {", program, script("settings|login_words|login_params")},
		{"the server is mixed from two levels", "cmd/flyte-credential-helper/resolve.go", "return s.kind != server || i+1 == named", "return true", program, script("settings|discovery")},
		{"a pasted answer of another login is taken", "pkg/oauth/attempt.go", "if len(q[\"state\"]) != 1 || subtle", "if len(q[\"state\"]) != 1 || false && subtle", program, "TestPaste"},
		{"line mode limits what is pasted", "cmd/flyte-credential-helper/terminal.go", "		t.restore = unlimit(t.in)\n", "", program, "TestPaste"},
	}
}
