package setup

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
)

// bazelSetup prepares Bazel: the link bazel-credential-flyte, and the lines that users write into
// the .bazelrc of a project.
// https://bazel.build/reference/command-line-reference#common_options-flag--credential_helper
type bazelSetup struct{ hostSetup }

// Bazel sets up Bazel for hosts.
func Bazel(ctx context.Context, r *Run, hosts []string) error {
	return r.runForHosts(ctx, "bazel", hosts, func(h hostSetup) integration { return bazelSetup{h} })
}

func (b bazelSetup) plan(context.Context) (*plan, error) {
	hosts, err := withParents(b.hosts)
	if err != nil {
		return nil, err
	}
	p, err := b.hostPlan("bazel", hosts)
	if err != nil {
		return nil, err
	}
	link, path, err := b.link("bazel-credential-flyte", hostNames(hosts))
	if err != nil {
		return nil, err
	}
	p.steps = append(p.steps, link)
	lines, unnamed := bazelLines(b.words, path)
	p.notes = append(p.notes, "Add to the .bazelrc of your project, and run bazel shutdown if a Bazel server runs:\n"+strings.TrimSuffix(indented(lines), "\n"))
	if len(unnamed) > 0 {
		p.notes = append(p.notes, "Bazel cannot name "+strings.Join(unnamed, ", ")+" in a scope. It runs the helper of the line without a scope for every host; other hosts get no token.")
	}
	return p, nil
}

// withParents adds the domain of each star: in Bazel, *.example.com also means example.com.
func withParents(hosts []config.HostEntry) (all []config.HostEntry, err error) {
	for _, h := range hosts {
		all = append(all, h)
		scheme, name, found := strings.Cut(h.Pattern.String(), "*.")
		if !found {
			continue
		}
		if h.Pattern, err = execcred.ParsePattern(scheme + name); err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, nil
}

// bazelScope is the grammar of a scope, as in Bazel's CredentialHelperProvider.
const bazelScope = `^(\*|[-a-zA-Z0-9]+)(\.[-a-zA-Z0-9]+)+$`

// bazelLines are the lines for .bazelrc, and the hosts that no scope can name. A scope has no
// port.
func bazelLines(hosts []string, path string) (lines string, unnamed []string) {
	var all []string
	grammar := regexp.MustCompile(bazelScope)
	for _, host := range hosts {
		scope := strings.TrimSuffix(login.WithoutScheme(host), "/")
		if !strings.HasPrefix(scope, "[") {
			scope, _, _ = strings.Cut(scope, ":")
		}
		option := "--credential_helper=" + scope + "=" + path
		if !grammar.MatchString(scope) {
			unnamed = append(unnamed, host)
			option = "--credential_helper=" + path
		}
		if strings.ContainsAny(option, " \t'\"\\") {
			option = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(option) + `"`
		}
		all = append(all, "common "+option+"\n")
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ""), unnamed
}

// verify runs the helper as Bazel does.
func (b bazelSetup) verify(ctx context.Context, p *plan, s *session) (report string, err error) {
	path := p.steps[len(p.steps)-1].Path
	for _, h := range b.hosts {
		if _, exact := h.Pattern.Host(); !exact {
			continue
		}
		out, err := output(ctx, b.Env, fmt.Sprintf(`{"uri":%q}`, hostURL(h.Pattern.String())), path, "get")
		if err != nil || !bytes.Contains(out, []byte(s.credential.Value.Reveal())) {
			return report, &VerifyError{path + " is set up, but it does not answer with the token for " + h.Pattern.String()}
		}
		report += "Bazel gets the token for " + h.Pattern.String() + ".\n"
	}
	return report, nil
}
