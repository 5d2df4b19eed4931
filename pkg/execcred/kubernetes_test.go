package execcred

import (
	"bytes"
	ordered "cmp"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/pkg/apis/clientauthentication"
	clientv1 "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	clientv1beta1 "k8s.io/client-go/pkg/apis/clientauthentication/v1beta1"

	"github.com/flyteorg/flyte-credential-helper/pkg/execcred/execcredtest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	infoV1      = `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}}` + "\n" // as client-go writes it
	infoV1beta1 = `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","spec":{"interactive":true}}` + "\n"
)

func TestKubernetes(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	for _, c := range []struct {
		info, token string
		expiry      time.Time
		want        string
	}{
		{infoV1, "at", time.Time{}, `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"at"}}`},
		{infoV1beta1, "at", time.Time{}, `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","status":{"token":"at"}}`},
		{"", "at", time.Time{}, `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"at"}}`},
		{infoV1, "at", noon, `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"expirationTimestamp":"2026-03-01T12:00:00Z","token":"at"}}`},
		{infoV1beta1, "at", noon, `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","status":{"expirationTimestamp":"2026-03-01T12:00:00Z","token":"at"}}`},
		{infoV1, "at", noon.Add(time.Second - 1), `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"expirationTimestamp":"2026-03-01T12:00:00Z","token":"at"}}`},
		{infoV1, "at", noon.In(berlin), `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"expirationTimestamp":"2026-03-01T12:00:00Z","token":"at"}}`},
		{infoV1, " \t\r\nat\r\n", time.Time{}, `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"at"}}`},
		{`{"apiVersion":"client.authentication.k8s.io/v1","grease":{"a":[1,null]},"kind":"ExecCredential","metadata":{"name":"x"},"spec":{"cluster":{"server":"https://x","config":5},"interactive":false,"more":true},"status":null}`, "at", time.Time{},
			`{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"at"}}`},
	} {
		r, err := DecodeKubernetes(c.info)
		if err != nil {
			t.Errorf("%s: %v", c.info, err)
			continue
		}
		got, err := r.Encode(Credential{Token: c.token, Expiry: c.expiry})
		if err != nil || string(got) != c.want+"\n" {
			t.Errorf("%s, %q, %s:\n got %s%v\nwant %s", c.info, c.token, c.expiry, got, err, c.want)
		}
	}
}

func TestWhatClientGoReads(t *testing.T) {
	for _, info := range []string{infoV1, infoV1beta1, ""} {
		for _, expiry := range []time.Time{{}, noon, noon.Add(999 * time.Millisecond), noon.In(time.FixedZone("", -12345)), time.Date(2500, 1, 1, 0, 0, 0, 1, time.UTC)} {
			for _, token := range []string{"at", `<a>&"\/'` + "`", strings.Repeat("x", 60<<10), "eyJ.eyJ.sig-_~+/=="} {
				r, err := DecodeKubernetes(info)
				if err != nil {
					t.Fatal(err)
				}
				document, err := r.Encode(Credential{Token: token, Expiry: expiry})
				if err != nil {
					t.Fatal(err)
				}
				read, version, err := execcredtest.Decode(document)
				if err != nil || version != r.apiVersion {
					t.Errorf("%s: %s, %v", document, version, err)
					continue
				}
				status := &clientauthentication.ExecCredentialStatus{Token: token}
				if !expiry.IsZero() {
					status.ExpirationTimestamp = &metav1.Time{Time: expiry.Truncate(time.Second)}
				}
				if diff := cmp.Diff(status, read.Status); diff != "" {
					t.Errorf("%s (-want +read):\n%s", document, diff)
				}
				if bytes.Count(document, []byte("\n")) != 1 || !bytes.HasSuffix(document, []byte("\n")) {
					t.Errorf("not on one line: %q", document)
				}
			}
		}
	}
	if _, _, err := execcredtest.Decode([]byte(strings.Replace(infoV1, "interactive", "grease", 1))); err == nil {
		t.Error("client-go's codec takes anything: this test shows nothing")
	}
}

// What client-go writes is what we read, cluster and all.
func TestWhatClientGoWrites(t *testing.T) {
	for version, object := range map[string]any{
		v1: &clientv1.ExecCredential{
			TypeMeta: metav1.TypeMeta{Kind: "ExecCredential", APIVersion: v1},
			Spec: clientv1.ExecCredentialSpec{Interactive: true, Cluster: &clientv1.Cluster{
				Server: "https://x", CertificateAuthorityData: []byte("ca"), Config: runtime.RawExtension{Raw: []byte(`{"a":1}`)},
			}},
		},
		v1beta1: &clientv1beta1.ExecCredential{
			TypeMeta: metav1.TypeMeta{Kind: "ExecCredential", APIVersion: v1beta1},
			Status:   &clientv1beta1.ExecCredentialStatus{Token: "at", ExpirationTimestamp: &metav1.Time{Time: noon}},
		},
	} {
		info, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		r, err := DecodeKubernetes(string(info))
		if err != nil || r.apiVersion != version {
			t.Errorf("%s: %+v, %v", info, r, err)
		}
	}
	if group+"v1" != clientv1.SchemeGroupVersion.String() || group+"v1beta1" != clientv1beta1.SchemeGroupVersion.String() {
		t.Error("the group has another name")
	}
}

// What is known to the byte is what client-go writes, and asks for the same as
// when it is parsed.
func TestUsualIsWhatClientGoWrites(t *testing.T) {
	for version, write := range map[string]func(interactive bool) any{
		v1: func(interactive bool) any {
			return &clientv1.ExecCredential{TypeMeta: metav1.TypeMeta{Kind: kind, APIVersion: v1}, Spec: clientv1.ExecCredentialSpec{Interactive: interactive}}
		},
		v1beta1: func(interactive bool) any {
			return &clientv1beta1.ExecCredential{TypeMeta: metav1.TypeMeta{Kind: kind, APIVersion: v1beta1}, Spec: clientv1beta1.ExecCredentialSpec{Interactive: interactive}}
		},
	} {
		for _, interactive := range []bool{true, false} {
			text, err := json.Marshal(write(interactive))
			if err != nil {
				t.Fatal(err)
			}
			info := string(text) + "\n"
			parsed, err := DecodeKubernetes(" " + info)
			if err != nil {
				t.Fatal(err)
			}
			known, err := DecodeKubernetes(info)
			if err != nil || !isDefaultRequest(info, version) || !reflect.DeepEqual(known, parsed) || known.apiVersion != version {
				t.Errorf("%s: %+v, and parsed %+v, %v", info, known, parsed, err)
			}
		}
	}
	if isDefaultRequest(infoV1, v1beta1) || isDefaultRequest(infoV1+"x", v1) || isDefaultRequest(strings.TrimSpace(infoV1), v1) {
		t.Error("it takes another text")
	}
}

// Our structs are client-go's, tags and all, less what is not used here. An
// extension is any JSON.
func TestFieldsAreClientGos(t *testing.T) {
	for _, row := range []struct {
		ours   reflect.Type
		theirs []reflect.Type
		unused []string
	}{
		{reflect.TypeFor[execRequest](), []reflect.Type{reflect.TypeFor[clientv1.ExecCredential](), reflect.TypeFor[clientv1beta1.ExecCredential]()}, []string{"Kind", "Status"}},
		{reflect.TypeFor[execCredentialSpec](), []reflect.Type{reflect.TypeFor[clientv1.ExecCredentialSpec](), reflect.TypeFor[clientv1beta1.ExecCredentialSpec]()}, []string{"Interactive"}},
		{reflect.TypeFor[cluster](), []reflect.Type{reflect.TypeFor[clientv1.Cluster](), reflect.TypeFor[clientv1beta1.Cluster]()},
			[]string{"TLSServerName", "CertificateAuthorityData", "ProxyURL", "DisableCompression"}},
	} {
		for _, their := range row.theirs {
			want := fields(their)
			for _, name := range row.unused {
				if _, found := want[name]; !found {
					t.Errorf("%s has no %s", their, name)
				}
				delete(want, name)
			}
			if diff := cmp.Diff(want, fields(row.ours)); diff != "" {
				t.Errorf("%s (-theirs +ours):\n%s", their, diff)
			}
		}
	}
}

// fields are a struct's, with what says how each stands in JSON.
func fields(of reflect.Type) map[string]string {
	all := map[string]string{}
	for _, f := range reflect.VisibleFields(of) {
		if f.Anonymous {
			continue
		}
		kind := f.Type.Kind().String()
		if f.Type == reflect.TypeFor[runtime.RawExtension]() {
			kind = reflect.TypeFor[json.RawMessage]().Kind().String()
		}
		all[f.Name] = kind + " " + f.Tag.Get("json")
	}
	return all
}

func TestMalformedKubernetesInfo(t *testing.T) {
	for _, info := range []string{
		" ", "\n", "{", "[]", "true", "0", `""`, `"ExecCredential"`, "\x00", "\xff\xfe", "\ufeff" + infoV1, "kind: ExecCredential",
		infoV1 + "x", infoV1 + infoV1, "x" + infoV1, infoV1[:len(infoV1)-2], "[" + infoV1 + "]",
		strings.Replace(infoV1, "/v1", "/v1alpha1", 1), strings.Replace(infoV1, "/v1", "/v2", 1), strings.Replace(infoV1, "/v1", "/V1", 1),
		strings.Replace(infoV1, "/v1", "/v1 ", 1), strings.Replace(infoV1, "/v1", "/", 1), strings.Replace(infoV1, "/v1", "/__internal", 1),
		strings.Replace(infoV1, "client.authentication.k8s.io/", "", 1), strings.Replace(infoV1, "client.authentication", "authentication", 1),
		strings.Replace(infoV1, `"client.authentication.k8s.io/v1"`, `["client.authentication.k8s.io/v1"]`, 1),
		strings.Replace(infoV1, `"client.authentication.k8s.io/v1"`, "1", 1), strings.Replace(infoV1, "/v1", "/v1\u202e"+strings.Repeat("x", 12_000), 1),
	} {
		r, err := DecodeKubernetes(info)
		if err == nil {
			t.Errorf("%q: asks for %s", info, r.apiVersion)
			continue
		}
		if !strings.Contains(err.Error(), "KUBERNETES_EXEC_INFO") || strings.ContainsAny(err.Error(), "\n\x00\u202e") || len(err.Error()) > 400 {
			t.Errorf("%q: %q does not stand alone on a line", info, err)
		}
	}
}

// The apiVersion decides, and its absence means v1. The kind decides nothing.
func TestLenientKubernetesInfo(t *testing.T) {
	for _, info := range []string{
		"{}", "null", `{"kind":"ExecCredential"}`, `{"kind":"ExecCredential","apiVersion":null}`, `{"apiVersion":"client.authentication.k8s.io/v1"}`,
		strings.Replace(infoV1, "ExecCredential", "ExecCredentials", 1), strings.Replace(infoV1, "ExecCredential", "", 1),
		strings.Replace(infoV1, `"ExecCredential"`, "null", 1), strings.Replace(infoV1, `"ExecCredential"`, "1", 1), strings.Replace(infoV1, `"ExecCredential"`, "{}", 1),
	} {
		if r, err := DecodeKubernetes(info); err != nil || r.apiVersion != v1 {
			t.Errorf("%s: %+v, %v", info, r, err)
		}
	}
	if r, err := DecodeKubernetes(strings.Replace(infoV1beta1, "ExecCredential", "ExecCredentials", 1)); err != nil || r.apiVersion != v1beta1 {
		t.Errorf("v1beta1 of another kind: %+v, %v", r, err)
	}
}

// badTokens are none that a header can carry.
var badTokens = map[string]string{
	"empty": "", "white space": " \t\r\n", "LF": "a\nb", "CR": "a\rb", "CR LF": "a\r\nheader: b", "NUL": "a\x00b", "NUL at the end": "a\x00",
	"space": "a b", "tab": "a\tb", "DEL": "a\x7f", "ESC": "\x1b[31ma", "umlaut": "ä", "no-break space": "a\u00a0b", "line separator": "a\u2028b", "no UTF-8": "a\xff", "61 KiB": strings.Repeat("x", 61<<10),
	"a byte too many": strings.Repeat("x", 60<<10+1),
}

func bare(c Credential) ([]byte, error) { return EncodeToken(FormToken, "", c) }

func TestBadTokens(t *testing.T) {
	for what, token := range badTokens {
		for name, encode := range map[string]func(Credential) ([]byte, error){"token": bare, "kubernetes": (&KubernetesRequest{apiVersion: v1}).Encode} {
			got, err := encode(Credential{Token: token})
			if err == nil || got != nil {
				t.Errorf("%s, %s: %q, %v", name, what, got, err)
				continue
			}
			if s := err.Error(); strings.ContainsAny(s, "\n\r\x00\x1b") || len(s) > 200 || token != "" && len(token) > 2 && strings.Contains(s, token) {
				t.Errorf("%s, %s: the error shows it: %q", name, what, s)
			}
		}
	}
}

func TestToken(t *testing.T) {
	for token, want := range map[string]string{
		"at": "at\n", "at\n": "at\n", "\r\n\t at \t\r\n": "at\n", "!~": "!~\n", `a"b\c<`: `a"b\c<` + "\n", strings.Repeat("x", 60<<10): strings.Repeat("x", 60<<10) + "\n",
	} {
		if got, err := bare(Credential{Token: token, Expiry: noon}); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", token, got, err)
		}
	}
}

func FuzzKubernetesInfo(f *testing.F) {
	for _, info := range []string{infoV1, infoV1beta1, "", "{}", "null", `{"KIND":"ExecCredential","apiversion":"client.authentication.k8s.io/v1"}`, infoV1 + infoV1beta1} {
		f.Add(info)
	}
	f.Fuzz(func(t *testing.T, info string) {
		r, err := DecodeKubernetes(info)
		if err != nil {
			if r != nil || strings.ContainsAny(err.Error(), "\n\r\x00\x1b") {
				t.Fatalf("%v, %q", r, err)
			}
			return
		}
		document, err := r.Encode(Credential{Token: "at"})
		if err != nil {
			t.Fatal(err)
		}
		var asked struct{ APIVersion string }
		if info != "" {
			if err := json.Unmarshal([]byte(info), &asked); err != nil {
				t.Fatalf("broken, and taken: %v", err)
			}
		}
		var answered struct{ Kind, APIVersion string }
		if err := json.Unmarshal(document, &answered); err != nil {
			t.Fatal(err)
		}
		if want := ordered.Or(asked.APIVersion, v1); answered.APIVersion != want || answered.Kind != kind {
			t.Fatalf("asked for %q, answered %+v", asked.APIVersion, answered)
		}
	})
}

func FuzzToken(f *testing.F) {
	for _, token := range badTokens {
		f.Add(token[:min(len(token), 100)])
	}
	f.Add("at")
	f.Add(" at\r\n")
	f.Fuzz(func(t *testing.T, token string) {
		line, err := bare(Credential{Token: token})
		document, kerr := (&KubernetesRequest{apiVersion: v1}).Encode(Credential{Token: token})
		if (err == nil) != (kerr == nil) {
			t.Fatalf("%v, but %v", err, kerr)
		}
		if err != nil {
			if line != nil || document != nil {
				t.Fatalf("%q, %q with an error", line, document)
			}
			return
		}
		text, found := strings.CutSuffix(string(line), "\n")
		if !found || text == "" || len(text) > 60<<10 || text != strings.TrimSpace(token) {
			t.Fatalf("%q", line)
		}
		for i := range len(text) {
			if text[i] < '!' || text[i] > '~' {
				t.Fatalf("byte %d is %#x: %q", i, text[i], line)
			}
		}
		var e clientv1.ExecCredential
		if err := json.Unmarshal(document, &e); err != nil || e.Status == nil || e.Status.Token != text {
			t.Fatalf("%s: %v", document, err)
		}
	})
}
