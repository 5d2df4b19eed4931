package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/setup"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// checkFlyteClients tells what Flyte's clients run for a token.
func checkFlyteClients(s Subject, c configuration) []Finding {
	source := c.flyte.value
	if source == nil || c.flyte.err != nil || source.Endpoint == "" {
		return nil // checkFlyteFiles has told it
	}
	clients, err := source.Config()
	switch {
	case err != nil:
		return []Finding{ok("%s", source.Name).failure(err.Error(), fileHint(s, err, source.File))}
	case len(clients.Command) == 0:
		return []Finding{ok("%s: authType %s", source.Name, orNone(clients.AuthType))}
	}
	f := ok("%s: they run %s", source.Name, shownCommand(clients.Command))
	if !isRunnable(clients.Command[0]) {
		f = f.failure("there is no program "+clients.Command[0], config.Command(config.Program, "setup", "flyte", "--endpoint", source.Endpoint))
	}
	return []Finding{f}
}

// shownCommand shows a command without the arguments that may be secret: those of other programs,
// and those that this one does not know.
func shownCommand(words []string) string {
	flags := config.NewFlags(config.Every)
	if len(words) < 2 || setup.IsOurs(words[0]) && flags.Parse(words[1:]) == nil {
		return config.Shown(words)
	}
	return config.Shown(words[:1]) + " …"
}

// checkGit reads which helpers git runs for the hosts that profiles serve, or for the host of
// the command line.
func checkGit(ctx context.Context, s Subject, c configuration) (all []Finding) {
	ctx, cancel := limited(ctx, "git")
	defer cancel()
	urls := gitURLs(s, c)
	if len(urls) == 0 && s.Caller == "git" && s.Address == "" {
		return []Finding{skipped("no profile names a host: give one, as in doctor git git.example.com")}
	}
	for _, url := range urls {
		helpers, err := setup.GitHelpers(ctx, s.Env, url)
		if err != nil {
			return []Finding{ok("not usable").failure(err.Error(), config.Inspect("git", "config", "--list", "--show-origin"))}
		}
		// A host that git is not configured for is a finding only if git is examined.
		if s.Caller == "git" || slices.ContainsFunc(helpers, isOurs) {
			all = append(all, checkGitHelpers(c, url, helpers))
		}
	}
	return all
}

func isOurs(h setup.GitHelper) bool { return h.Ours }

// gitURLs returns the URLs of the hosts to look at.
func gitURLs(s Subject, c configuration) (urls []string) {
	switch {
	case c.host.err == nil && c.host.value != nil:
		return []string{c.host.value.host.String()}
	case c.profiles.err != nil || s.Address != "":
		return nil
	}
	for _, entries := range c.profiles.value.Serves {
		for _, entry := range entries {
			if h, exact := entry.Pattern.Host(); exact {
				urls = append(urls, h.String())
			}
		}
	}
	slices.Sort(urls)
	return slices.Compact(urls)
}

// checkGitHelpers judges the helpers that git runs for a URL. Git gives a token that one helper
// returned to all of them, and some store it.
func checkGitHelpers(c configuration, url string, helpers []setup.GitHelper) Finding {
	var shown []string
	for _, h := range helpers {
		shown = append(shown, shownHelper(h))
	}
	f := ok("%s: %s", url, orNone(strings.Join(shown, ", then ")))
	ours := slices.IndexFunc(helpers, isOurs)
	other := slices.IndexFunc(helpers, func(h setup.GitHelper) bool { return !h.Ours })
	problem, wrong := "git does not run this program for "+url, len(helpers)-1
	switch {
	case ours == 0 && other < 0:
		return f
	case ours > 0:
		problem, wrong = fmt.Sprintf("git asks %s first", shown[0]), 0
	case ours == 0:
		problem, wrong = fmt.Sprintf("git gives the token to %s, which may store it", shown[other]), other
	}
	if wrong >= 0 && helpers[wrong].Unset != nil {
		return f.failure(problem, config.Command(helpers[wrong].Unset...))
	}
	return f.failure(problem, c.setUp("git", strings.TrimPrefix(url, "https://")))
}

// shownHelper names a helper of git without its arguments, which may be secret.
func shownHelper(h setup.GitHelper) string {
	words, err := shellquote.Split(strings.TrimPrefix(h.Value, "!"))
	if err != nil || len(words) == 0 {
		words = []string{"a helper"}
	}
	return words[0] + " (" + h.Place + ")"
}

// checkDocker reads the files of docker, podman and similar tools, and the link through which
// they run this program.
func checkDocker(s Subject, c configuration) (all []Finding) {
	var hosts []string
	broken, logins := false, map[string]string{} // of podman: host -> file
	isExamined := func(name string) bool {
		return c.host.value != nil && slices.Contains(dockerHosts(name), c.host.value.host)
	}
	for _, path := range dockerFiles(s.Env) {
		text, err := system.ReadFile(path, system.MaxConfig)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var file struct {
			CredHelpers map[string]string   `json:"credHelpers"`
			Auths       map[string]struct{} `json:"auths"`
		}
		if err == nil {
			err = json.Unmarshal(text, &file)
		}
		if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
			err = fmt.Errorf("the value of %q cannot be of the type %s", wrong.Field, wrong.Value)
		}
		if err != nil {
			broken = true
			f, problem := ok("%s", path), fmt.Sprintf("it cannot be read: %v", err)
			if s.Caller == "docker" {
				all = append(all, f.failure(problem, fileHint(s, err, path)))
			} else {
				all = append(all, f.warning(problem, fileHint(s, err, path)))
			}
			continue
		}
		if filepath.Base(path) == "auth.json" {
			for host := range file.Auths {
				logins[host] = path
			}
		}
		for _, host := range slices.Sorted(maps.Keys(file.CredHelpers)) {
			switch helper := file.CredHelpers[host]; {
			case helper == "flyte":
				all = append(all, checkDockerHost(c, path, host))
			case isExamined(host):
				all = append(all, ok("%s: %s", path, host).failure("docker asks the helper "+helper+" for "+host+", and not this program", c.setUp("docker", host)))
			default:
				continue
			}
			hosts = append(hosts, host)
		}
	}
	slices.Sort(hosts)
	for _, host := range slices.Compact(slices.Clone(hosts)) {
		if path := logins[host]; path != "" {
			all = append(all, ok("%s: a login to %s", path, host).warning("podman and skopeo use that login, and not this program", config.Command("podman", "logout", "--authfile", path, host)))
		}
	}
	if s.Caller == "docker" && !broken && c.host.value != nil && !slices.ContainsFunc(hosts, isExamined) {
		all = append(all, ok("not configured").failure("no file of docker or podman names this program for "+s.Address, c.setUp("docker", s.Address)))
	}
	if len(hosts) > 0 {
		all = append(all, checkLink(s.Env, "docker-credential-flyte", c.setUp(append([]string{"docker"}, slices.Compact(hosts)...)...)))
	}
	return all
}

// dockerHosts returns the hosts that docker's name for one can mean: it has no protocol.
func dockerHosts(name string) (hosts []execcred.Host) {
	for _, scheme := range []string{"https://", "http://"} {
		if _, host, err := parseAddress(scheme + name); err == nil {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// dockerFiles returns the files in which docker, podman and similar tools look for helpers.
func dockerFiles(env system.Env) []string {
	docker := cmp.Or(env.Getenv("DOCKER_CONFIG"), filepath.Join(env.Home, ".docker"))
	user := cmp.Or(env.Getenv("XDG_CONFIG_HOME"), filepath.Join(env.Home, ".config"))
	files := []string{
		filepath.Join(docker, "config.json"), env.Getenv("REGISTRY_AUTH_FILE"),
		filepath.Join(env.RuntimeDir, "containers", "auth.json"), filepath.Join(user, "containers", "auth.json"),
	}
	return slices.DeleteFunc(files, func(path string) bool { return path == "" })
}

// checkDockerHost judges an entry that names this program.
func checkDockerHost(c configuration, path, host string) Finding {
	f := ok("%s: this program for %s", path, host)
	if c.profiles.err != nil {
		return f // checkFiles has told it
	}
	for _, h := range dockerHosts(host) {
		if _, _, found := c.profiles.value.ProfileForHost(h, "", ""); found {
			return f
		}
	}
	return f.warning("no profile serves "+host+": docker gets no token", config.Command(config.Program, "setup", "docker", host, "--issuer", "https://login.example.com", "--client-id", "ID"))
}

// checkLink judges a name of this program on PATH.
func checkLink(env system.Env, name string, fix config.Hint) Finding {
	found, missing := exec.LookPath(name)
	problem := "PATH has no " + name
	for _, dir := range filepath.SplitList(env.Getenv("PATH")) {
		link := filepath.Join(dir, name)
		_, entry := os.Lstat(link)
		_, target := os.Stat(link)
		if missing != nil && entry == nil && target != nil {
			found, problem = link, "it leads to a file that does not exist"
		}
	}
	usual := usualLink(env, name)
	if missing != nil && isThis(env, usual) {
		found, problem, fix = usual, filepath.Dir(usual)+" is not on PATH", config.Shell(`export PATH=%s:"$PATH"`, shellquote.Join(filepath.Dir(usual)))
	}
	f := ok("%s", orNone(found)).at("link " + name)
	switch {
	case missing != nil:
		f = f.failure(problem, fix)
	case !isThis(env, found):
		f = f.failure(found+" is not this program", config.Inspect("ls", "-l", found))
	}
	return f
}

// usualLink is where setup makes a link if it cannot make it beside the program.
func usualLink(env system.Env, name string) string {
	return filepath.Join(env.Home, ".local", "bin", system.LinkName(name))
}

// checkBazel reads the credential helpers of the .bazelrc files that apply here.
func checkBazel(s Subject, c configuration) (all []Finding) {
	for _, path := range bazelFiles(s.Env) {
		text, _ := system.ReadFile(path, system.MaxConfig) // Bazel itself tells that it cannot
		for line := range strings.Lines(string(text)) {
			line, _, _ = strings.Cut(line, "#")
			words, _ := shellquote.Split(line)
			for _, word := range words {
				value, found := strings.CutPrefix(word, "--credential_helper=")
				scope, program := "", value
				if at := strings.Index(value, "="); at >= 0 {
					scope, program = value[:at], value[at+1:]
				}
				if !found || !strings.Contains(filepath.Base(program), "bazel-credential-flyte") {
					continue
				}
				f := ok("%s: %s for %s", path, program, cmp.Or(scope, "all hosts"))
				again := c.setUp("bazel", cmp.Or(scope, "HOST"))
				switch {
				case filepath.IsAbs(program) && !isThis(s.Env, program):
					f = f.failure(program+" is not this program", again)
				case !strings.ContainsAny(program, "/%") && !isRunnable(program):
					f = f.failure("PATH has no "+program, again)
				}
				all = append(all, f)
			}
		}
	}
	// The lines may be in a workspace elsewhere. They name the link by its path.
	const link = "bazel-credential-flyte"
	if s.Caller == "bazel" && len(all) == 0 && c.host.value != nil && !isThis(s.Env, usualLink(s.Env, link)) {
		all = append(all, checkLink(s.Env, link, c.setUp("bazel", s.Address)))
	}
	return all
}

// bazelFiles returns the .bazelrc files of the workspace and of the user:
// https://bazel.build/run/bazelrc
func bazelFiles(env system.Env) []string {
	home := filepath.Join(env.Home, ".bazelrc")
	dir, err := env.Getwd()
	for up := ""; err == nil && dir != up; dir, up = filepath.Dir(dir), dir {
		path := filepath.Join(dir, ".bazelrc")
		if _, err := os.Stat(path); err == nil && path != home {
			return []string{path, home}
		}
	}
	return []string{home}
}

// checkGoauth reads which commands the go command runs for credentials.
func checkGoauth(ctx context.Context, s Subject, c configuration) []Finding {
	out, err := run(ctx, s.Env, "", "go", "env", "GOAUTH", "GOENV")
	isSubject := s.Caller != ""
	switch {
	case errors.Is(err, exec.ErrNotFound), err != nil && !isSubject:
		return nil
	case err != nil:
		return []Finding{ok("not usable").failure(err.Error(), config.Inspect("go", "env"))}
	}
	list, file, _ := strings.Cut(strings.TrimSuffix(string(out), "\n"), "\n")
	entries := strings.Split(list, ";")
	ours := slices.IndexFunc(entries, setup.IsOurGoauth)
	var shown []string
	for _, entry := range entries {
		shown = append(shown, shownCommand(strings.Fields(entry)))
	}
	f, again := ok("GOAUTH is %s", orNone(strings.Join(shown, ";"))), c.setUp("goauth", cmp.Or(s.Address, "go.example.com"))
	switch {
	case ours >= 0:
		if program := strings.Fields(entries[ours])[0]; !isRunnable(program) {
			f = f.failure("there is no program "+program, again)
		}
	case !isSubject:
		return nil // it is not configured
	case file == "off" || file == "":
		f = f.failure("GOENV is off: the go command reads no configuration file, and so it does not run this program", config.Command("unset", "GOENV"))
	case s.Env.Getenv("GOAUTH") != "":
		f = f.failure("the variable GOAUTH overrides what go env -w writes", config.Command("unset", "GOAUTH"))
	default:
		f = f.failure("the go command does not run this program", again)
	}
	return []Finding{f}
}

// isRefused reports whether a server rejected a token.
func isRefused(err error) bool { return oauth.ClassOf(err) == oauth.ClassRefused }

// checkFlyteUser asks the Flyte endpoint whose token it is.
func checkFlyteUser(ctx context.Context, a account) []Finding {
	token := a.token.AccessToken
	endpoint := config.MaskURL(a.settings.Endpoint)
	ctx, cancel := limited(ctx, endpoint)
	defer cancel()
	who, err := a.session.UserInfo(ctx, a.token.Server.HeaderKey, token)
	switch {
	case isRefused(err):
		problem, fix := flyteRejects(a, login.DecodeClaims(token))
		return []Finding{ok("%s", endpoint).failure(err.Error()+": "+problem, fix)}
	case err != nil:
		return []Finding{ok("%s", endpoint).failure(err.Error(), a.hint(err))}
	case who == nil:
		return []Finding{ok("%s does not say whose token it is", endpoint)}
	}
	return []Finding{ok("%s takes the token of %s", endpoint, orNone(cmp.Or(who.Email, who.Username, who.Name, who.Subject)))}
}

// flyteRejects tells why flyteadmin may reject a token with these claims: flyteadmin judges
// the audience, then the scopes (auth/authzserver/claims_verifier.go).
func flyteRejects(a account, c *login.Claims) (problem string, fix config.Hint) {
	switch {
	case c == nil:
		return "the token is opaque, and Flyte takes JWTs only", a.logIn("--audience", "AUDIENCE")
	case len(c.Scopes) == 1 && strings.Contains(c.Scopes[0], " "):
		return "Flyte takes the scopes of the token for one scope: " + c.Scopes[0], a.logIn("--scope", "all")
	}
	problem = "the endpoint's allowedAudience must have the token's audience, which is " + orNone(strings.Join(c.Audience, " "))
	if len(c.Scopes) > 0 && !slices.Contains(c.Scopes, "all") {
		return problem + "; and Flyte requires the scope all, and the token has " + strings.Join(c.Scopes, " "), a.logIn("--scope", "all")
	}
	return problem, a.logIn("--audience", "AUDIENCE")
}

// checkRegistry asks the registry whether it accepts the saved token.
func checkRegistry(ctx context.Context, h *servedHost, a account) []Finding {
	transport, err := login.Transport(a.settings, a.policy, a.env)
	if err != nil {
		return []Finding{skipped(err.Error())}
	}
	ctx, cancel := limited(ctx, h.host.String())
	defer cancel()
	refused, err := setup.TryRegistry(ctx, transport, h.host.String(), h.entry.BasicUsername(), a.token.AccessToken)
	switch {
	case refused:
		return []Finding{ok("%s", h.host).failure("the registry does not accept the token: "+err.Error(), a.logIn("--audience", "AUDIENCE"))}
	case err != nil:
		return []Finding{ok("%s", h.host).failure(err.Error(), config.Inspect("curl", "--verbose", "--head", h.host.String()+"/v2/"))}
	}
	return []Finding{ok("%s accepts the token", h.host)}
}

// noRepository returns why git cannot read a repository at the host, or "".
func (h *servedHost) noRepository() string {
	if h == nil || strings.Trim(h.url.Path, "/") == "" {
		return "the address names no repository: give its whole URL"
	}
	return unless(runtime.GOOS != "windows", "Windows has no way to hand git a token that runs no helper")
}

// tokenHelper is a credential helper that answers with what descriptor 3 has.
const tokenHelper = `!f() { test "$1" = get && cat <&3; }; f`

// checkRepository has git read a repository with the saved token. It runs none of the
// configured helpers: they could refresh the token.
func checkRepository(ctx context.Context, h *servedHost, a account) []Finding {
	answer := fmt.Sprintf("username=%s\npassword=%s\n", h.entry.BasicUsername(), a.token.AccessToken.Reveal())
	if h.entry.Scheme == execcred.GitBearer {
		answer = fmt.Sprintf("capability[]=authtype\nauthtype=Bearer\ncredential=%s\n", a.token.AccessToken.Reveal())
	}
	out, err := run(ctx, a.env, answer, "git", "-c", "credential.helper=", "-c", "credential.helper="+tokenHelper, "ls-remote", "--quiet", h.url.String(), "HEAD")
	if err != nil {
		return []Finding{ok("%s", h.url).failure("git ls-remote fails: "+err.Error(), config.Inspect("git", "ls-remote", h.url.String()))}
	}
	return []Finding{ok("%s: git reads it with the token (%s)", h.url, plural(strings.Count(string(out), "\n"), "reference"))}
}

// run runs another program, without interaction, and returns its stdout. The program can read
// input from descriptor 3.
func run(ctx context.Context, env system.Env, input string, words ...string) ([]byte, error) {
	return system.Program{Words: words, Environ: config.WithoutInteraction(env), Descriptor3: input, Limit: stepLimit}.Output(ctx)
}
