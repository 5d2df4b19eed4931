package setup

import (
	"context"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// hostSetup is what the integrations have in common whose programs name hosts.
type hostSetup struct {
	*Run
	words        []string // of the command line
	hosts        []config.HostEntry
	repositories []string
}

func (r *Run) runForHosts(ctx context.Context, caller string, words []string, integrate func(hostSetup) integration) error {
	hosts, repositories, err := parseHosts(r.Args, caller, words)
	if err != nil {
		return err
	}
	return r.run(ctx, caller, integrate(hostSetup{r, words, hosts, repositories}))
}

// parseHosts reads the hosts of a command line. A host may be named by a URL there, and for git
// by that of a repository. args are the whole command line.
func parseHosts(args []string, caller string, words []string) (hosts []config.HostEntry, repositories []string, err error) {
	if len(words) == 0 {
		return nil, nil, config.Errorf(config.Command(config.Program, "setup", caller, "HOST", "--issuer", "https://login.example.com", "--client-id", "ID"), "setup %s needs a host", caller)
	}
	for _, given := range words {
		var h config.HostEntry
		word := given
		if u, err := url.Parse(word); err == nil && u.Host != "" && (caller == "git" || strings.Trim(u.Path, "/") == "") {
			if strings.Trim(u.Path, "/") != "" {
				repositories = append(repositories, word)
			}
			h.Username = u.User.Username()
			word = strings.TrimPrefix(u.Scheme+"://"+u.Host, "https://")
		}
		if h.Pattern, err = execcred.ParsePattern(word); err != nil {
			return nil, nil, hostError(args, caller, given, err)
		}
		hosts = append(hosts, h)
	}
	return hosts, repositories, nil
}

// hostError is the error of a word that is not a host. If it is one with a path, the hint is the
// command without the path.
func hostError(args []string, caller, word string, err error) error {
	host := regexp.MustCompile(`^(https?://)?[^/]*`).FindString(word)
	i := slices.Index(args, word)
	if _, e := execcred.ParsePattern(host); e != nil || host == word || i < 1 {
		return config.Errorf(config.Hint{}, "%v", err)
	}
	corrected := slices.Concat([]string{config.Program}, args[1:i], []string{host}, args[i+1:])
	return config.Errorf(config.Command(corrected...), "%q has a path: setup %s is for a whole host", word, caller)
}

// hostArguments returns the hosts of a command line, which may be none, as the journal names
// them.
func hostArguments(args []string, caller string, words []string) ([]string, error) {
	if len(words) == 0 {
		return nil, nil
	}
	hosts, _, err := parseHosts(args, caller, words)
	if err == nil && caller == "bazel" {
		hosts, err = withParents(hosts)
	}
	return hostNames(hosts), err
}

// hostURL is the URL of a host.
func hostURL(host string) string {
	if strings.Contains(host, "://") {
		return host
	}
	return "https://" + host
}

// hostPlan begins the plan of an integration whose program names hosts.
func (r *Run) hostPlan(caller string, hosts []config.HostEntry) (*plan, error) {
	if err := r.checkSettings(); err != nil {
		return nil, err
	}
	steps, profile, err := r.profileSteps(caller, hosts)
	if err != nil {
		return nil, err
	}
	return &plan{
		summary: caller + " will get the token of " + r.Server() + " for " + strings.Join(hostNames(hosts), ", "),
		steps:   steps, profile: profile, servesHost: true, kind: oauth.Access,
	}, nil
}

// link is the step that makes this program available on PATH under another name: beside the
// program if PATH has its directory and it can be written, otherwise in the user's own directory. path
// is the link.
func (r *Run) link(name string, hosts []string) (s step, path string, err error) {
	program, err := r.program()
	if err != nil {
		return step{}, "", err
	}
	path = filepath.Join(r.Home, ".local", "bin", system.LinkName(name))
	if found, err := exec.LookPath(config.Program); err == nil && system.SameFile(found, program) {
		beside := filepath.Join(filepath.Dir(r.absolute(found)), system.LinkName(name))
		if edit.CheckWritable(context.Background(), beside) == nil {
			path = beside
		}
	}
	if found, err := exec.LookPath(name); err == nil {
		if !system.SameFile(found, program) {
			return step{}, "", config.Errorf(config.Command("ls", "-l", found), "%s is another program, which would be run instead of this one", found)
		}
		path = r.absolute(found)
	}
	c := edit.Change{Path: path, Kind: edit.KindLink, New: program, For: hosts}
	now, err := formats(r.Env).Current(context.Background(), c)
	if err == nil && now != nil && *now == "" {
		err = config.Errorf(config.Command("ls", "-l", path), "%s is another program, and setup needs its name", path)
	}
	return step{Change: c, lines: "a link to " + program, command: system.LinkCommand(program, path)}, path, err
}

// pathNote says that a link is not on PATH, or nothing.
func (r *Run) pathNote(path string) string {
	if slices.Contains(filepath.SplitList(r.Getenv("PATH")), filepath.Dir(path)) {
		return ""
	}
	return filepath.Dir(path) + " is not on PATH, so that other programs do not find the link yet: add it to PATH."
}
