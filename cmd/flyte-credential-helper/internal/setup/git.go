package setup

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
)

// gitSetup configures git. For each host it adds two helpers to the user's configuration: an
// empty one, which makes git forget the helpers before it, and this program. git applies helpers
// in the order of its files, whatever their section, and stores a token with every helper that it
// knows. So the two must be the last that apply to the host.
// https://git-scm.com/docs/gitcredentials
type gitSetup struct{ hostSetup }

// Git sets up git for hosts.
func Git(ctx context.Context, r *Run, hosts []string) error {
	return r.runForHosts(ctx, "git", hosts, func(h hostSetup) integration { return gitSetup{h} })
}

func (g gitSetup) plan(ctx context.Context) (*plan, error) {
	program, err := g.program()
	if err != nil {
		return nil, err
	}
	effective, err := gitHelpers(ctx, g.Env)
	if err != nil {
		return nil, err
	}
	hosts := slices.Clone(g.hosts)
	for i, h := range hosts {
		if h.Username != "" {
			continue
		}
		if hosts[i].Username, err = g.configuredUsername(ctx, h.Pattern); err != nil {
			return nil, err
		}
	}
	p, err := g.hostPlan("git", hosts)
	if err != nil {
		return nil, err
	}
	path := g.file()
	names := hostNames(hosts)
	p.steps = append(p.steps, newFile(path, "", names))
	for _, name := range names {
		url := hostURL(name)
		c := edit.Change{Path: path, Kind: kindGit, Key: []string{url}, New: gitHelper(program), For: []string{name}}
		if now, err := formats(g.Env).Current(ctx, c); err == nil && now != nil && system.SameFile(gitHelperPath(*now), program) {
			c.New = *now // the user has written it in another form
		}
		p.steps = append(p.steps, step{Change: c, lines: gitLines(url, c.New)})
		note, err := g.followers(effective, url)
		if err != nil {
			return nil, err
		}
		p.notes = append(p.notes, note...)
	}
	for i, h := range hosts {
		name := h.Pattern.String()
		plain, err := execcred.ParsePattern("http://" + name)
		if host, exact := plain.Host(); err == nil && exact && h.Pattern.Matches(host) && !strings.Contains(g.words[i], "://") {
			p.notes = append(p.notes, fmt.Sprintf("git will run this program for https://%s only. If the server speaks http, run then: %s", name,
				shellquote.Join(config.Program, "setup", "git", "http://"+name, "--profile", p.profile)))
		}
	}
	return p, nil
}

// gitHelper is the value of a helper that runs program. git passes an absolute path to a shell.
func gitHelper(program string) string {
	if quoted := shellquote.Join(program); quoted != program {
		return "!" + quoted + " git"
	}
	return program + " git"
}

// file is the file that git config --global writes.
func (g gitSetup) file() string {
	if path := g.Getenv("GIT_CONFIG_GLOBAL"); path != "" {
		return g.absolute(path)
	}
	userHome := g.HomeWith("")
	home := filepath.Join(userHome, ".gitconfig")
	dir := g.Getenv("XDG_CONFIG_HOME")
	if dir == "" {
		dir = filepath.Join(userHome, ".config")
	}
	other := filepath.Join(dir, "git", "config")
	if _, err := os.Stat(home); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(other); err == nil {
			return other
		}
	}
	return home
}

// configuredUsername is the user name that git's configuration has for a host: credential.username, or
// that of a URL which git puts in place of others. git puts it into its requests. For a pattern it is
// the name that a host gets that is named nowhere else.
func (g gitSetup) configuredUsername(ctx context.Context, host execcred.Pattern) (string, error) {
	example := strings.Replace(hostURL(host.String()), "*", "host", 1)
	out, err := runGit(ctx, g.Env, "", "config", "--get-urlmatch", "credential.username", example)
	if err != nil {
		return "", err
	}
	name, place := strings.TrimSpace(string(out)), "credential.username"
	fields, err := gitFields(ctx, g.Env, nil, `^url\..*\.(push)?insteadof$`, "--show-origin")
	for entry := range slices.Chunk(fields, 2) {
		key, _, _ := strings.Cut(entry[1], "\n")
		base := strings.TrimPrefix(key[:strings.LastIndexByte(key, '.')], "url.")
		to, _, err := parseHosts(g.Args, "git", []string{base})
		if err != nil || to[0].Username == "" {
			continue
		}
		if h, exact := to[0].Pattern.Host(); !exact || !host.Matches(h) {
			continue
		}
		here := placeOf(strings.TrimPrefix(entry[0], "file:"), 0, func(lines []string) bool { return strings.Contains(unquoteGit(lines[0]), base) })
		if name != "" && name != to[0].Username {
			return "", config.Errorf(config.Text("write one of them into the URL: %s setup git %s", config.Program, strings.Replace(hostURL(host.String()), "://", "://"+url.User(name).String()+"@", 1)), "git asks for the user %q (%s) and for the user %q (%s)", name, place, to[0].Username, here)
		}
		name, place = to[0].Username, here
	}
	return name, err
}

// followers are the helpers that git asks after ours, and gives our token to: after the changes of
// setup, those in a repository's own configuration and in the environment.
func (g gitSetup) followers(effective []helper, url string) (notes []string, err error) {
	for _, h := range effective {
		switch {
		case !h.appliesTo(url) || h.value == "":
		case h.scope == "command":
			return nil, config.Errorf(config.Command("unset", "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS"), "the environment configures the git helper %q, which would store the token", h.value)
		case h.isLocal():
			notes = append(notes, fmt.Sprintf("In this repository, %s configures the helper %q. There it would store the token: remove it with %s", h.place(), h.value, shellquote.Join(h.unset()...)))
		}
	}
	return notes, nil
}

// checkLast returns an error if git asks another helper of the user or the system after ours.
func (g gitSetup) checkLast(ctx context.Context, url string) error {
	effective, err := gitHelpers(ctx, g.Env)
	for _, h := range slices.Backward(effective) {
		switch {
		case h.url == url && isOurGitHelper(h.value):
			return nil
		case h.appliesTo(url) && h.value != "" && !h.isLocal():
			return &VerifyError{fmt.Sprintf("git is set up, but it asks the helper %q of %s after this program, and gives it the token: remove that helper", h.value, h.place())}
		}
	}
	return err
}

// verify asks git for the credential, and compares it with our token.
func (g gitSetup) verify(ctx context.Context, p *plan, s *session) (report string, err error) {
	for _, h := range g.hosts {
		url := hostURL(h.Pattern.String())
		if _, exact := h.Pattern.Host(); !exact {
			continue
		}
		if err := cmp.Or(g.checkLast(ctx, url), g.fill(ctx, url, h.Username, s)); err != nil {
			return report, err
		}
		report += "git gets the token for " + h.Pattern.String() + ".\n"
	}
	for _, repository := range g.repositories {
		if _, err := output(ctx, g.Env, "", "git", "ls-remote", "--quiet", repository, "HEAD"); err != nil {
			return report, &VerifyError{"git is set up, but git ls-remote " + repository + " fails: " + err.Error()}
		}
		report += "git ls-remote " + repository + " works.\n"
	}
	return report, nil
}

func (g gitSetup) fill(ctx context.Context, url, username string, s *session) error {
	protocol, host, _ := strings.Cut(url, "://")
	request := "capability[]=authtype\nprotocol=" + protocol + "\nhost=" + host + "\n"
	if username != "" {
		request += "username=" + username + "\n"
	}
	out, err := output(ctx, g.Env, request+"\n", "git", "credential", "fill")
	if err != nil {
		return &VerifyError{"git is set up, but it does not get the token for " + host + ": " + err.Error()}
	}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if (name == "password" || name == "credential") && value == s.credential.Value.Reveal() {
			return nil
		}
	}
	return &VerifyError{"git is set up, but it gets another credential than our token for " + host}
}

// runGit runs git, and returns its stdout. Status 1 means that there is no such variable.
func runGit(ctx context.Context, env system.Env, in string, args ...string) ([]byte, error) {
	out, err := output(ctx, env, in, append([]string{"git"}, args...)...)
	var exit *system.ExitError
	switch {
	case errors.As(err, &exit) && exit.Status == 1 && args[0] == "config":
		return nil, nil
	case errors.As(err, &exit):
		return nil, fmt.Errorf("git %s: %w", args[0], err)
	}
	return out, err
}

// helper is one helper in git's configuration.
type helper struct {
	scope, origin string // empty in a text
	url           string // of its section; empty: all
	value         string
	before        int // how many helpers with this value are before it in its file
}

// gitHelpers returns the helpers of all files, in the order in which git applies them.
func gitHelpers(ctx context.Context, env system.Env) (list []helper, err error) {
	fields, err := gitFields(ctx, env, nil, helperNames, "--show-scope", "--show-origin")
	if err != nil {
		return nil, err
	}
	for entry := range slices.Chunk(fields, 3) {
		h := newHelper(entry[2])
		h.scope, h.origin = entry[0], strings.TrimPrefix(entry[1], "file:")
		if h.isLocal() && !filepath.IsAbs(h.origin) { // from the top of the work tree
			up, err := runGit(ctx, env, "", "rev-parse", "--show-cdup")
			if err != nil {
				return nil, err
			}
			h.origin = filepath.Join(strings.TrimSpace(string(up)), h.origin)
		}
		for _, other := range list {
			if other.origin == h.origin && other.value == h.value {
				h.before++
			}
		}
		list = append(list, h)
	}
	return list, nil
}

// isLocal reports whether the helper is of the repository of the working directory.
func (h helper) isLocal() bool { return h.scope == "local" || h.scope == "worktree" }

// helpersIn returns the helpers of one file, without those of the files that it includes.
func helpersIn(ctx context.Context, env system.Env, text []byte) (list []helper, err error) {
	fields, err := gitFields(ctx, env, text, helperNames, "--no-includes", "--file", "-")
	for _, entry := range fields {
		list = append(list, newHelper(entry))
	}
	return list, err
}

// helperNames matches the variables that name helpers.
const helperNames = `^credential\.(.*\.)?helper$`

// gitFields returns what git config says of the variables whose names match a pattern.
func gitFields(ctx context.Context, env system.Env, text []byte, names string, options ...string) ([]string, error) {
	out, err := runGit(ctx, env, string(text), slices.Concat([]string{"config", "--null"}, options, []string{"--get-regexp", names})...)
	if err != nil || len(out) == 0 {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"), nil
}

// newHelper reads a key and a value, as git config --null writes them.
func newHelper(entry string) helper {
	key, value, _ := strings.Cut(entry, "\n")
	url := strings.TrimSuffix(strings.TrimPrefix(key, "credential."), "helper")
	return helper{url: strings.TrimSuffix(url, "."), value: value}
}

// appliesTo reports whether git may apply the helper to a URL without path.
func (h helper) appliesTo(url string) bool {
	protocol, host, _ := strings.Cut(url, "://")
	if h.url == "" || strings.Contains(h.url, "*") {
		return true
	}
	theirs := strings.TrimPrefix(strings.ToLower(h.url), protocol+"://")
	theirs = theirs[strings.LastIndexByte(theirs, '@')+1:]
	theirs, _, _ = strings.Cut(theirs, "/")
	port := map[string]string{"https": ":443", "http": ":80"}[protocol]
	return strings.TrimSuffix(theirs, port) == strings.TrimSuffix(host, port)
}

// place is the file and the line of the helper.
func (h helper) place() string {
	return placeOf(h.origin, h.before, func(lines []string) bool { return isHelper(lines[0], h.value) })
}

// placeOf is a file, with the number of the line from which its lines match, after before other
// lines from which they do.
func placeOf(path string, before int, matches func(lines []string) bool) string {
	text, _ := edit.Read(path) // then the file alone is named
	lines := strings.Split(string(text), "\n")
	for i := range lines {
		if !matches(lines[i:]) {
			continue
		}
		if before--; before < 0 {
			return fmt.Sprintf("%s:%d", path, i+1)
		}
	}
	return path
}

// unset returns the command that removes the helper of a repository's own configuration, with the
// others of its key. It is nil if the helper is in another file.
func (h helper) unset() []string {
	if !h.isLocal() {
		return nil
	}
	key := "credential.helper"
	if h.url != "" {
		key = "credential." + h.url + ".helper"
	}
	return []string{"git", "config", "--" + h.scope, "--unset-all", key}
}

const kindGit = "git"

// gitFormat is a configuration file of git. A key is a URL; its value is the last helper that
// applies to the URL, if an empty one is before it in the same section.
type gitFormat struct{ env system.Env }

// Get implements [edit.Format].
func (g gitFormat) Get(ctx context.Context, text []byte, key []string) (value *string, err error) {
	list, err := helpersIn(ctx, g.env, text)
	list = slices.DeleteFunc(list, func(h helper) bool { return !h.appliesTo(key[0]) })
	if n := len(list); n > 1 && list[n-1].url == key[0] && list[n-2] == (helper{url: key[0]}) {
		value = &list[n-1].value
	}
	return value, err
}

// Set implements [edit.Format]. It writes a new section at the end of the file: git config would
// write into an earlier section of the same name.
func (g gitFormat) Set(ctx context.Context, text []byte, key []string, value *string) ([]byte, error) {
	list, err := helpersIn(ctx, g.env, text)
	for _, h := range list {
		if h.url == key[0] && isOurGitHelper(h.value) {
			text = withoutHelper(text, h)
		}
	}
	if err == nil && value != nil {
		// A backslash continues the value of the last line.
		if last := bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r")); bytes.HasSuffix(last, []byte(`\`)) {
			text = []byte(string(last) + strings.Repeat(edit.LineEnd(text), 2))
		}
		text = edit.AppendLines(text, gitLines(key[0], *value))
	}
	return text, err
}

// Revert implements [edit.Reverter]. Helpers of others are still there. One that runs this program
// was removed.
func (g gitFormat) Revert(ctx context.Context, text []byte, c edit.Change) ([]byte, error) {
	rest := withoutHelper(text, helper{url: c.Key[0], value: c.New})
	if c.Old == nil || !isOurGitHelper(*c.Old) || bytes.Equal(rest, text) {
		return rest, nil
	}
	return g.Set(ctx, rest, c.Key, c.Old)
}

// keys are the keys of our helpers.
func (g gitFormat) keys(ctx context.Context, text []byte) (keys [][]string, err error) {
	list, err := helpersIn(ctx, g.env, text)
	for _, h := range list {
		if isOurGitHelper(h.value) {
			keys = append(keys, []string{h.url})
		}
	}
	return keys, err
}

// isOurGitHelper reports whether a helper is this program, perhaps with an earlier path or with
// flags that the user has added.
func isOurGitHelper(value string) bool {
	words, err := shellquote.Split(strings.TrimPrefix(value, "!"))
	return err == nil && len(words) > 1 && isProgram(words[0]) && slices.Contains(words[1:], "git")
}

// gitHelperPath is the path of the program that git runs for a helper whose only argument is git, or
// for one of git-credential-flyte. It is empty for other helpers and if there is no such program.
func gitHelperPath(value string) string {
	command, isShell := strings.CutPrefix(value, "!")
	words, err := shellquote.Split(command)
	if err == nil && len(words) == 1 && words[0] == "flyte" && !isShell {
		words = []string{"git-credential-flyte", "git"}
	} else if err != nil || len(words) != 2 || words[1] != "git" || !isShell && !filepath.IsAbs(words[0]) {
		return ""
	}
	path, _ := exec.LookPath(words[0])
	return path
}

// gitLines is the section that setup writes.
func gitLines(url, value string) string {
	return "[credential " + quoteGit(url, true) + "]\n\thelper =\n\thelper = " + quoteGit(value, strings.ContainsAny(value, "#;")) + "\n"
}

// quoteGit writes a value as git does.
// https://git-scm.com/docs/git-config#_syntax
func quoteGit(value string, quotes bool) string {
	value = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)
	if quotes {
		return `"` + value + `"`
	}
	return value
}

// withoutHelper returns a text without a helper, without the empty one in the line before it, and
// without the section if it is empty then. git config cannot tell one empty helper from another.
func withoutHelper(text []byte, h helper) []byte {
	lines := slices.Collect(strings.Lines(string(text)))
	isOurs, header := false, 0
	for i := 0; i < len(lines); i++ {
		if line := unquoteGit(lines[i]); strings.HasPrefix(line, "[") {
			isOurs, header = strings.EqualFold(line, "[credential "+h.url+"]"), i
		}
		if !isOurs || !isHelper(lines[i], h.value) {
			continue
		}
		from := i
		if isHelper(lines[i-1], "") {
			from--
		}
		to := i + 1
		if from-1 == header && endsSection(lines[to:]) {
			from--
		}
		lines, i = slices.Delete(lines, from, to), from-1
	}
	return []byte(strings.Join(lines, ""))
}

// isHelper reports whether a line is a helper with that value.
func isHelper(line, value string) bool {
	name, rest, found := strings.Cut(line, "=")
	return found && strings.EqualFold(strings.TrimSpace(name), "helper") && unquoteGit(rest) == value
}

// unquoteGit reads a line or a value as git does: without quotes and comment.
func unquoteGit(text string) string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case c == '"':
			quoted = !quoted
		case (c == '#' || c == ';') && !quoted:
			return strings.TrimSpace(b.String())
		default:
			b.WriteByte(c)
		}
	}
	return strings.TrimSpace(b.String())
}

// endsSection reports whether lines begin with no key of the section before them.
func endsSection(lines []string) bool {
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' && line[0] != ';' {
			return line[0] == '['
		}
	}
	return true
}
