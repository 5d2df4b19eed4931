package execcredtest

import (
	"context"
	"strings"
)

// The sources of the requirements.
const (
	kubernetesDocs = "https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins"
	clientGo       = "https://github.com/kubernetes/client-go/blob/master/"
	authenticator  = clientGo + "plugin/pkg/client/auth/exec/exec.go"
	loader         = clientGo + "tools/auth/exec/exec.go"
	types          = clientGo + "pkg/apis/clientauthentication/v1/types.go"
	bearer         = "https://www.rfc-editor.org/rfc/rfc6750#section-2.1"
	jsonText       = "https://www.rfc-editor.org/rfc/rfc8259#section-2"
)

// Cases returns all cases. The most informative ones come first.
func Cases() []Case {
	cases := append(versionCases(V1), versionCases(V1Beta1)...)
	cases = append(cases, tokenCases()...)
	cases = append(cases, processCases()...)
	return append(cases, errorCases()...)
}

// versionCases returns the cases about the request in one version and its answer.
func versionCases(version string) []Case {
	cases := []Case{
		{"plain", "a plugin that is asked in this version answers in it, with a token that a request can carry", authenticator, authenticates(version, unchanged)},
		{"cluster", "spec.cluster (provideClusterInfo) may be there: the plugin may use it or not", types, authenticates(version, withCluster)},
		{"cluster-config", "spec.cluster.config is the plugin's own affair, and may be there with nothing in it", types, authenticates(version, withConfig)},
		{"if-available", "interactiveMode IfAvailable says by spec.interactive whether stdin is a terminal", kubernetesDocs, authenticates(version, ifAvailable)},
		{"interactive", "a plugin that is given the terminal still answers", kubernetesDocs, authenticates(version, always)},
		{"document", "stdout is one JSON document and nothing else, for callers that are not client-go too", jsonText, answersWith(version, "", document)},
		{"strict", "what is on stdout is an ExecCredential, with no unknown field and none twice", types, answersWith(version, "", strict)},
		{"token", "the token is one that a header can carry: printable ASCII without spaces", bearer, answersWith(version, "", token)},
		{"grease", "fields that the plugin does not know are no reason to fail: a later client may have them", types, answersWith(version, unknownFields, sameVersion)},
	}
	for i := range cases {
		cases[i].Name = strings.TrimPrefix(version, group) + "-" + cases[i].Name
	}
	return cases
}

// tokenCases returns the cases about a client's use of a token.
func tokenCases() []Case {
	return []Case{
		{"expiry", "expirationTimestamp is ahead, or left out: else client-go runs the plugin for every request", authenticator, expiry},
		{"rotation", "after a 401 the plugin is run once more, and answers once more; the request that failed is not sent again", authenticator, rotation},
		{"parallel", "several clients at once each get a token", authenticator, parallel},
	}
}

// processCases returns the cases about the plugin's process.
func processCases() []Case {
	return []Case{
		{"stdin", "with spec.interactive false stdin is not the plugin's: what is on it is for another", types, stdin},
		{"stdout-closed", "no process holds stdout after the plugin's end: client-go waits for all of them", authenticator, stdoutClosed},
		{"stderr-closed", "no process holds stderr after the plugin's end: a program that reads kubectl's stderr waits for all of them", authenticator, stderrClosed},
		{"wrong-kind", "the apiVersion decides and not the kind, which some clients write in another way or leave out", types, answersAll(
			strings.Replace(request(V1, ""), "ExecCredential", "ExecCredentials", 1),
			strings.Replace(request(V1, ""), `"ExecCredential"`, "null", 1),
			strings.Replace(request(V1, ""), `"kind":"ExecCredential",`, "", 1),
		)},
		{"by-hand", "without KUBERNETES_EXEC_INFO, run by a person, it answers in a version that there is, or says what is missing", loader, withoutRequest},
	}
}

// errorCases returns the cases about requests that no plugin can answer. They need no login.
func errorCases() []Case {
	const promise = "a request that is not understood is refused: exit status, nothing on stdout, the reason on stderr"
	return []Case{
		{"v1alpha1", "an old client's version is refused, or answered in it, but never in another: a client takes no other", authenticator, v1alpha1Request},
		{"unknown-version", "a version that is not spoken is refused, not answered in another: a client takes no other", authenticator, rejects(request(group+"v9", ""))},
		{"wrong-group", promise, loader, rejects(request("authentication.k8s.io/v1", ""))},
		{"broken-info", promise, loader, rejects("{", "ExecCredential", request(V1, "")[:60])},
	}
}

type checkFunc = func(context.Context, Plugin) (string, error)
