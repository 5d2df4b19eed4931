package execcredtest

import (
	"encoding/json"
	"errors"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/pkg/apis/clientauthentication"
	"k8s.io/client-go/pkg/apis/clientauthentication/install"
)

// codecs returns client-go's decoder. Its exec authenticator uses the one that is not
// strict.
func codecs(options ...serializer.CodecFactoryOptionsMutator) runtime.Decoder {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	return serializer.NewCodecFactory(scheme, options...).UniversalDecoder(clientauthentication.SchemeGroupVersion)
}

// Decode decodes the stdout of a plugin with client-go's codec. It is stricter than
// client-go's exec authenticator: the text must be one JSON document without unknown and
// duplicate fields. version is the one in the document.
func Decode(document []byte) (credential *clientauthentication.ExecCredential, version string, err error) {
	if err := oneDocument(document); err != nil {
		return nil, "", err
	}
	return decode(codecs(serializer.EnableStrict), document, nil)
}

// read decodes the stdout of a plugin as client-go's exec authenticator does.
func read(document []byte) (credential *clientauthentication.ExecCredential, version string, err error) {
	return decode(codecs(), document, &clientauthentication.ExecCredential{})
}

// oneDocument returns an error unless document is one JSON document (RFC 8259). client-go
// also accepts YAML, and JSON after a byte order mark.
func oneDocument(document []byte) error {
	var v any
	return json.Unmarshal(document, &v)
}

// decode decodes a document. If it names no kind, the kind is that of into.
func decode(decoder runtime.Decoder, document []byte, into runtime.Object) (*clientauthentication.ExecCredential, string, error) {
	object, kind, err := decoder.Decode(document, nil, into)
	switch { // client-go quotes the document, token and all
	case runtime.IsMissingKind(err):
		return nil, "", errors.New("no kind")
	case runtime.IsMissingVersion(err):
		return nil, "", errors.New("no apiVersion")
	case err != nil:
		return nil, "", err
	}
	credential, ok := object.(*clientauthentication.ExecCredential)
	if !ok {
		return nil, "", errors.New("it is a " + kind.Kind + ", not an ExecCredential")
	}
	return credential, kind.GroupVersion().String(), nil
}
