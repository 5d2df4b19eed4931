package execcredtest

import (
	"encoding/json"
	"errors"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/pkg/apis/clientauthentication"
	"k8s.io/client-go/pkg/apis/clientauthentication/install"
)

// codecs are client-go's. Its exec authenticator has the ones that are not
// strict.
func codecs(options ...serializer.CodecFactoryOptionsMutator) runtime.Decoder {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	return serializer.NewCodecFactory(scheme, options...).UniversalDecoder(clientauthentication.SchemeGroupVersion)
}

// Decode reads what a plugin wrote on stdout with client-go's codec, and with
// more care than client-go's exec authenticator has: it is one JSON document,
// with no field that there is not and none that is there twice. The version is
// the one that the document names, whose type client-go has for it.
func Decode(document []byte) (credential *clientauthentication.ExecCredential, version string, err error) {
	if err := oneDocument(document); err != nil {
		return nil, "", err
	}
	return decode(codecs(serializer.EnableStrict), document, nil)
}

// read reads it as client-go's exec authenticator does.
func read(document []byte) (credential *clientauthentication.ExecCredential, version string, err error) {
	return decode(codecs(), document, &clientauthentication.ExecCredential{})
}

// oneDocument is whether any JSON parser reads it (RFC 8259). client-go reads
// YAML too, and JSON after a byte order mark.
func oneDocument(document []byte) error {
	var v any
	return json.Unmarshal(document, &v)
}

// decode decodes into what there is, which may lend a document its kind.
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
		return nil, "", errors.New("it is a " + kind.Kind + ", no ExecCredential")
	}
	return credential, kind.GroupVersion().String(), nil
}
