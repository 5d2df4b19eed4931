package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/setup"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
)

// checkCallers tells what the callers on this machine are configured to do: the one that is
// examined, or all.
func checkCallers(ctx context.Context, e *examination) (all []Finding) {
	for _, c := range []struct {
		caller string
		check  check
	}{
		{"kubernetes", checkKubeUsers}, {"token", checkFlyteClients}, {"git", checkGit}, {"docker", checkDocker}, {"bazel", checkBazel}, {"goauth", checkGoauth},
	} {
		if e.Caller == "" || e.Caller == c.caller {
			all = append(all, c.check(ctx, e)...)
		}
	}
	return all
}

// checkKubeUsers lists the contexts of the kubeconfig that run this program.
func checkKubeUsers(ctx context.Context, e *examination) (all []Finding) {
	k, err := readKubeconfig(ctx, e.Env)
	if errors.Is(err, errNoTool) {
		return nil
	}
	if err != nil {
		return []Finding{ok("kubeconfig", "not usable").warning(err.Error(), config.Command("kubectl", "config", "view"))}
	}
	for _, p := range k.plugins(e.Env) {
		f := ok("kubeconfig", "context %s: user %s runs %s", p.context, p.user, config.Shown(append([]string{p.exec.Command}, p.exec.Args...)))
		_, missing := exec.LookPath(p.exec.Command)
		switch {
		case missing != nil && !filepath.IsAbs(p.exec.Command) && strings.ContainsRune(p.exec.Command, filepath.Separator): // relative to the kubeconfig
		case missing != nil:
			f = f.failure("there is no program "+p.exec.Command, e.setupAgain("kubernetes", "--context", p.context))
		case p.other != "":
			f = f.failure("the user has a "+p.other+" too: kubectl uses that, and does not run this program", config.Command("kubectl", "config", "unset", "users."+p.user+"."+p.other))
		}
		all = append(all, f)
	}
	return all
}

// setupAgain returns the command that sets up a caller again, with a profile if one is in use.
func (e *examination) setupAgain(words ...string) config.Hint {
	words = append([]string{config.Program, "setup"}, words...)
	if r, err := e.settings(); err == nil && r.ProfileInUse != "" {
		words = append(words, "--profile", r.ProfileInUse)
	}
	return config.Command(words...)
}

// checkFlyteClients tells what Flyte's clients run for a token.
func checkFlyteClients(_ context.Context, e *examination) []Finding {
	if e.Input.Flyte == nil {
		return nil
	}
	source, err := e.flyteSource()
	if err != nil || source.Endpoint == "" {
		return nil // checkConfiguration has told it
	}
	c, err := source.Config()
	if err != nil {
		return []Finding{ok("Flyte's clients", "%s", source.Name).failure(err.Error(), e.fileHint(err, source.File))}
	}
	f := ok("Flyte's clients", "%s: authType %s", source.Name, orNone(c.AuthType))
	if len(c.Command) == 0 {
		return []Finding{f}
	}
	f = ok("Flyte's clients", "%s: they run %s", source.Name, config.Shown(c.Command))
	if _, err := exec.LookPath(c.Command[0]); err != nil {
		f = f.failure("there is no program "+c.Command[0], config.Command(config.Program, "setup", "flyte", "--endpoint", source.Endpoint))
	}
	return []Finding{f}
}

// checkGit reads which helpers git runs for the hosts that profiles serve, or for the host of
// the command line.
func checkGit(ctx context.Context, e *examination) (all []Finding) {
	if _, err := exec.LookPath("git"); err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	urls := e.gitURLs()
	if len(urls) == 0 && e.Caller == "git" && e.Address == "" {
		return []Finding{skipped("git", "no profile names a host: give one, as in doctor git git.example.com")}
	}
	for _, url := range urls {
		helpers, err := setup.GitHelpers(ctx, e.Env, url)
		if err != nil {
			return []Finding{ok("git", "not usable").failure(err.Error(), config.Command("git", "config", "--list", "--show-origin"))}
		}
		if f, found := e.gitFinding(url, helpers); found {
			all = append(all, f)
		}
	}
	return all
}

// gitURLs returns the URLs of the hosts to look at.
func (e *examination) gitURLs() (urls []string) {
	if h, err := e.host(); err == nil && h != nil {
		return []string{h.host.String()}
	}
	file, err := e.file()
	if err != nil || e.Address != "" {
		return nil
	}
	for _, name := range file.Names() {
		for _, entry := range file.Serves[name] {
			if h, exact := entry.Pattern.Host(); exact {
				urls = append(urls, h.String())
			}
		}
	}
	slices.Sort(urls)
	return slices.Compact(urls)
}

// gitFinding judges the helpers that git runs for a URL. Git gives a token that one helper
// returned to all of them, and some store it. A host that git is not configured for is a
// finding only if git is examined.
func (e *examination) gitFinding(url string, helpers []setup.GitHelper) (f Finding, found bool) {
	ours := slices.IndexFunc(helpers, func(h setup.GitHelper) bool { return h.Ours })
	var shown []string
	for _, h := range helpers {
		shown = append(shown, shownHelper(h))
	}
	f = ok("git", "%s: %s", url, orNone(strings.Join(shown, ", then ")))
	fix := func(h setup.GitHelper) config.Hint {
		if h.Unset != nil {
			return config.Command(h.Unset...)
		}
		return e.setupAgain("git", strings.TrimPrefix(url, "https://"))
	}
	other := slices.IndexFunc(helpers, func(h setup.GitHelper) bool { return !h.Ours })
	switch {
	case ours < 0 && e.Caller == "git" && len(helpers) > 0:
		return f.failure("git does not run this program for "+url, fix(helpers[len(helpers)-1])), true
	case ours < 0 && e.Caller == "git":
		return f.failure("git does not run this program for "+url, fix(setup.GitHelper{})), true
	case ours < 0:
		return f, false
	case ours > 0:
		return f.failure(fmt.Sprintf("git asks %s first", shownHelper(helpers[0])), fix(helpers[0])), true
	case other > 0:
		return f.failure(fmt.Sprintf("git gives the token to %s, which may store it", shownHelper(helpers[other])), fix(helpers[other])), true
	}
	return f, true
}

// checkDocker reads the files of docker, podman and similar tools, and the link through which
// they run this program.
func checkDocker(_ context.Context, e *examination) (all []Finding) {
	hosts := map[string]bool{}
	for _, path := range e.dockerFiles() {
		text, err := system.ReadFile(path, system.MaxConfig)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var file struct{ CredHelpers map[string]string }
		if err == nil {
			err = json.Unmarshal(text, &file)
		}
		if err != nil {
			all = append(all, ok("docker", "%s", path).warning(fmt.Sprintf("it cannot be read: %v", err), config.Edit(path)))
			continue
		}
		for _, host := range slices.Sorted(maps.Keys(file.CredHelpers)) {
			if file.CredHelpers[host] == "flyte" {
				hosts[host] = true
				all = append(all, e.dockerHost(path, host))
			} else if e.names(host) {
				all = append(all, ok("docker", "%s: %s", path, host).failure("docker asks the helper "+file.CredHelpers[host]+" for "+host+", and not this program", e.setupAgain("docker", host)))
				hosts[host] = true
			}
		}
	}
	if e.Address != "" && e.Caller == "docker" {
		if h, err := e.host(); err == nil && h != nil && !slices.ContainsFunc(slices.Collect(maps.Keys(hosts)), e.names) {
			all = append(all, ok("docker", "not configured").failure("no file of docker or podman names this program for "+e.Address, e.setupAgain("docker", e.Address)))
		}
	}
	if len(hosts) > 0 {
		all = append(all, e.link("docker-credential-flyte", e.setupAgain(append([]string{"docker"}, slices.Sorted(maps.Keys(hosts))...)...)))
	}
	return all
}

// names reports whether the host is the one of the command line.
func (e *examination) names(host string) bool {
	h, err := e.host()
	if err != nil || h == nil {
		return false
	}
	return slices.ContainsFunc(dockerAddresses(host), func(address string) bool {
		other, err := hostOf(address)
		return err == nil && other == h.host
	})
}

// dockerAddresses returns the URLs that an entry of docker's can mean: docker names no protocol.
func dockerAddresses(host string) []string { return []string{"https://" + host, "http://" + host} }

// dockerFiles returns the files in which docker, podman and similar tools look for helpers.
func (e *examination) dockerFiles() []string {
	dir := e.Env.Getenv("DOCKER_CONFIG")
	if dir == "" {
		dir = filepath.Join(e.Env.Home, ".docker")
	}
	xdg := e.Env.Getenv("XDG_CONFIG_HOME")
	if xdg == "" {
		xdg = filepath.Join(e.Env.Home, ".config")
	}
	files := []string{filepath.Join(dir, "config.json")}
	if named := e.Env.Getenv("REGISTRY_AUTH_FILE"); named != "" {
		files = append(files, named)
	}
	return append(files, filepath.Join(e.Env.RuntimeDir, "containers", "auth.json"), filepath.Join(xdg, "containers", "auth.json"))
}

// dockerHost judges an entry that names this program.
func (e *examination) dockerHost(path, host string) Finding {
	f := ok("docker", "%s: this program for %s", path, host)
	file, err := e.file()
	if err != nil {
		return f // checkConfiguration has told it
	}
	served := slices.ContainsFunc(dockerAddresses(host), func(address string) bool {
		parsed, err := hostOf(address)
		if err != nil {
			return false
		}
		_, _, found := file.ProfileForHost(parsed, "", "")
		return found
	})
	if !served {
		return f.warning("no profile serves "+host+": docker gets no token", config.Command(config.Program, "setup", "docker", host, "--issuer", "https://login.example.com", "--client-id", "ID"))
	}
	return f
}

// link judges a name of this program on PATH.
func (e *examination) link(name string, fix config.Hint) Finding {
	self, err := e.Env.Executable()
	found, missing := exec.LookPath(name)
	f := ok("link "+name, "%s", found)
	switch {
	case err != nil:
		return f
	case missing != nil:
		if stale := danglingLink(e.Env.Getenv("PATH"), name); stale != "" {
			return ok("link "+name, "%s", stale).failure("it leads to a file that does not exist", fix)
		}
		return ok("link "+name, "none").failure("PATH has no "+name, fix)
	case !system.SameFile(found, self):
		return f.failure(found+" is not this program", config.Command("ls", "-l", found))
	}
	return f
}

// danglingLink returns a symbolic link of that name in a directory of PATH that leads nowhere,
// or "".
func danglingLink(path, name string) string {
	for _, dir := range filepath.SplitList(path) {
		link := filepath.Join(dir, name)
		if _, err := os.Lstat(link); err != nil {
			continue
		}
		if _, err := os.Stat(link); errors.Is(err, fs.ErrNotExist) {
			return link
		}
	}
	return ""
}

// checkBazel reads the credential helpers of the .bazelrc files that apply here.
func checkBazel(_ context.Context, e *examination) (all []Finding) {
	self, err := e.Env.Executable()
	for _, path := range e.bazelFiles() {
		text, unreadable := system.ReadFile(path, system.MaxConfig)
		if unreadable != nil || err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			for _, option := range bazelHelpers(line) {
				scope, program := cutScope(option)
				if !strings.Contains(filepath.Base(program), "bazel-credential-flyte") {
					continue
				}
				f := ok("bazel", "%s: %s for %s", path, program, scope)
				if filepath.IsAbs(program) && !system.SameFile(program, self) {
					f = f.failure(program+" is not this program", e.setupAgain("bazel", strings.TrimSuffix(scope, "all hosts")))
				}
				all = append(all, f)
			}
		}
	}
	return all
}

// bazelFiles returns the .bazelrc files of the workspace and of the user:
// https://bazel.build/run/bazelrc
func (e *examination) bazelFiles() (files []string) {
	dir, err := e.Env.Getwd()
	for err == nil {
		if path := filepath.Join(dir, ".bazelrc"); fileExists(path) {
			files = append(files, path)
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			break
		}
		dir = up
	}
	if home := filepath.Join(e.Env.Home, ".bazelrc"); !slices.Contains(files, home) {
		files = append(files, home)
	}
	return files
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// bazelHelpers returns the values of --credential_helper in a line.
func bazelHelpers(line string) (values []string) {
	line, _, _ = strings.Cut(line, "#")
	words, err := shellquote.Split(line)
	if err != nil {
		return nil
	}
	for _, word := range words {
		if value, found := strings.CutPrefix(word, "--credential_helper="); found {
			values = append(values, value)
		}
	}
	return values
}

// cutScope splits a value of --credential_helper: [SCOPE=]PROGRAM.
func cutScope(value string) (scope, program string) {
	if scope, program, found := strings.Cut(value, "="); found {
		return scope, program
	}
	return "all hosts", value
}

// checkGoauth reads which commands the go command runs for credentials.
func checkGoauth(ctx context.Context, e *examination) []Finding {
	out, err := toolOutput(ctx, e.Env, "go", "env", "GOAUTH", "GOENV")
	if errors.Is(err, errNoTool) {
		return nil
	}
	step := "go command"
	if err != nil {
		if e.Caller == "" {
			return nil
		}
		return []Finding{ok(step, "not usable").failure(err.Error(), config.Command("go", "env"))}
	}
	list, file, _ := strings.Cut(strings.TrimSuffix(string(out), "\n"), "\n")
	f := ok(step, "GOAUTH is %s", orNone(list))
	entry := e.ownGoauth(list)
	switch {
	case entry != "" && e.isRunnable(strings.Fields(entry)[0]):
		return []Finding{f}
	case entry != "":
		return []Finding{f.failure("there is no program "+strings.Fields(entry)[0], e.setupAgain(e.goauthSetup()...))}
	case e.Caller == "":
		return nil // it is not configured
	case file == "off" || file == "":
		return []Finding{f.failure("GOENV is off: the go command reads no configuration file, and so it does not run this program", config.Command("unset", "GOENV"))}
	case e.Env.Getenv("GOAUTH") != "":
		return []Finding{f.failure("the variable GOAUTH overrides what go env -w writes", config.Command("unset", "GOAUTH"))}
	}
	return []Finding{f.failure("the go command does not run this program", e.setupAgain(e.goauthSetup()...))}
}

func (e *examination) goauthSetup() []string {
	if e.Address == "" {
		return []string{"goauth", "go.example.com"}
	}
	return []string{"goauth", e.Address}
}

// ownGoauth returns the entry of GOAUTH that runs this program, or "".
func (e *examination) ownGoauth(list string) string {
	for entry := range strings.SplitSeq(list, ";") {
		if setup.IsOurGoauth(entry) {
			return entry
		}
	}
	return ""
}

func (e *examination) isRunnable(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// shownHelper names a helper of git without its arguments, which may be secret.
func shownHelper(h setup.GitHelper) string {
	words := strings.Fields(strings.TrimPrefix(h.Value, "!"))
	name := "a helper"
	if len(words) > 0 {
		name = words[0]
	}
	return name + " (" + h.Place + ")"
}
