package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kballard/go-shellquote"
	"github.com/spf13/pflag"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
)

// documents returns the pages for users, by their path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	const top = "../../../.."
	paths, err := filepath.Glob(top + "/docs/*.md")
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d pages: %v", len(paths), err)
	}
	pages := map[string]string{}
	for _, path := range append(paths, top+"/README.md", top+"/CONTRIBUTING.md", top+"/SECURITY.md", top+"/CHANGELOG.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pages[filepath.Clean(path)] = string(text)
	}
	return pages
}

var (
	codeBlock = regexp.MustCompile("(?ms)^ *```(\\w*)\n(.*?)^ *```")
	codeSpan  = regexp.MustCompile("`(" + config.Program + " [^`]+)`")
	// wholeLine is a command of this program: a line may have a prompt, variables and a
	// command whose output it gets.
	wholeLine = regexp.MustCompile(`(?m)^ *(?:\w*\$ |!)?(?:[A-Z_]+=\S+ )*(` + config.Program + ` .*)$`)
)

// documentCommands returns the command lines of this program that a page shows.
func documentCommands(text string) (lines []string) {
	text = strings.ReplaceAll(text, "\\\n", " ")
	for _, m := range codeBlock.FindAllStringSubmatch(text, -1) {
		for _, line := range wholeLine.FindAllStringSubmatch(m[2], -1) {
			lines = append(lines, line[1])
		}
	}
	for _, m := range codeSpan.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
		lines = append(lines, m[1])
	}
	return lines
}

// Each command line of the documents has a command and flags of this program.
func TestDocumentCommands(t *testing.T) {
	comment := regexp.MustCompile(` +#.*$| \| .*$`)
	found := 0
	for path, text := range documents(t) {
		for _, line := range documentCommands(text) {
			if strings.Contains(line, "…") {
				continue
			}
			words, err := shellquote.Split(strings.TrimSuffix(comment.ReplaceAllString(line, ""), ";netrc\""))
			if err != nil {
				t.Errorf("%s: %s: %v", path, line, err)
				continue
			}
			found++
			root := newApp(system.Env{Args: []string{config.Program}, Stdout: new(bytes.Buffer), Stderr: new(bytes.Buffer)}, Release{}, callers()).root()
			root.InitDefaultHelpFlag()
			c, rest, err := root.Find(words[1:])
			if err == nil && c == root && !slices.ContainsFunc(rest, func(w string) bool { return w == "--help" }) {
				t.Errorf("%s: %s: there is no such command", path, line)
				continue
			}
			if err == nil {
				c.InitDefaultHelpFlag()
				err = c.ParseFlags(rest)
			}
			if err == nil {
				err = c.ValidateArgs(c.Flags().Args())
			}
			if err != nil && !strings.Contains(err.Error(), "help requested") {
				t.Errorf("%s: %s: %v", path, line, err)
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d commands were found", found)
	}
}

// The documents name no flag that does not exist.
func TestDocumentFlags(t *testing.T) {
	// flags of other programs
	known := map[string]bool{}
	for _, name := range strings.Fields(`--global --system --get-all --add --show-origin --remove-section --unset --unset-all
		--credential_helper --config --wrap --section --policy --allowlist-entry --password-stdin --username --oidc-issuer-url --oidc-client-id
		--oidc-username-claim --oidc-groups-claim --server-id --long --mod`) {
		known[name] = true
	}
	root := newApp(system.Env{Args: []string{config.Program}}, Release{}, callers()).root()
	add := func(f *pflag.Flag) { known["--"+f.Name] = true }
	root.PersistentFlags().VisitAll(add)
	for _, c := range root.Commands() {
		c.Flags().VisitAll(add)
		for _, sub := range c.Commands() {
			sub.Flags().VisitAll(add)
		}
	}
	known["--help"], known["--version"] = true, true
	flag := regexp.MustCompile("[` (\\[]--[a-z][a-z_-]*")
	for path, text := range documents(t) {
		if base := filepath.Base(path); base == "CONTRIBUTING.md" || base == "architecture.md" || base == "CHANGELOG.md" { // flags of programs in hack
			continue
		}
		for _, word := range flag.FindAllString(text, -1) {
			if !known[word[1:]] {
				t.Errorf("%s has %s, which does not exist", path, word[1:])
			}
		}
	}
}

// The pages of callers have the same headings in the same order.
func TestCallerPages(t *testing.T) {
	heading := regexp.MustCompile(`(?m)^## (.*)$`)
	pages := documents(t)
	for _, name := range []string{"kubernetes", "flyte", "git", "docker", "bazel", "goauth", "scripts", "go"} {
		var got []string
		for _, m := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(pages[filepath.Clean("../../../../docs/"+name+".md")], ""), -1) {
			got = append(got, m[1])
		}
		if want := []string{"Requirements", "Setup", "By hand", "How it works", "Troubleshooting"}; !slices.Equal(got, want) {
			t.Errorf("%s.md has the headings %q, not %q", name, got, want)
		}
	}
}

// Each link leads to a file and a heading that exist.
func TestDocumentLinks(t *testing.T) {
	pages := documents(t)
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for path, text := range pages {
		for _, m := range link.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", path, m[1], err)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(pages[target]), anchor) {
				t.Errorf("%s links to %s, which has no such heading", path, m[1])
			}
		}
	}
}

// anchors returns the anchors of a page's headings, as GitHub makes them.
func anchors(text string) (all []string) {
	heading := regexp.MustCompile(`(?m)^#+ (.*)$`)
	dropped := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	for _, m := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
		all = append(all, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return all
}

// The profiles in the documents can be read.
func TestDocumentProfiles(t *testing.T) {
	found := 0
	for path, text := range documents(t) {
		for _, m := range codeBlock.FindAllStringSubmatch(text, -1) {
			if m[1] != "yaml" || !strings.HasPrefix(m[2], "profiles:") {
				continue
			}
			found++
			if _, err := config.ReadFile(path, func(string) ([]byte, error) { return []byte(m[2]), nil }); err != nil {
				t.Errorf("%v:\n%s", err, m[2])
			}
		}
	}
	if found == 0 {
		t.Error("no profile was found")
	}
}
