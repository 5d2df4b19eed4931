package main

import (
	"context"
	"encoding/pem"
	"os"
	"strings"

	authentication "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"
)

// kubectl is what kubectl makes of a kubeconfig, without credentials.
func (d *demo) kubectl() *rest.Config {
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.cluster.Certificate().Raw})
	return &rest.Config{Host: d.cluster.URL, TLSClientConfig: rest.TLSClientConfig{CAData: authority}}
}

// plugin is the "exec" of a kubeconfig's user.
func (d *demo) plugin() *api.ExecConfig {
	return &api.ExecConfig{
		APIVersion:      "client.authentication.k8s.io/v1",
		Command:         d.program,
		Args:            d.arguments("kubernetes"),
		Env:             overrides(d.env),
		InteractiveMode: api.IfAvailableExecInteractiveMode,
	}
}

// overrides turns client-go's environment, which is ours with these on top,
// into env: what env does not have is made empty.
func overrides(env []string) (vars []api.ExecEnvVar) {
	has := map[string]bool{}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		vars, has[name] = append(vars, api.ExecEnvVar{Name: name, Value: value}), true
	}
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); name != "" && !has[name] {
			vars = append(vars, api.ExecEnvVar{Name: name})
		}
	}
	return vars
}

// reviewSelf is "kubectl auth whoami".
func reviewSelf(ctx context.Context, config *rest.Config) (user string, err error) {
	scheme := runtime.NewScheme()
	if err := authentication.AddToScheme(scheme); err != nil {
		return "", err
	}
	config.APIPath, config.GroupVersion = "/apis", &authentication.SchemeGroupVersion
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	client, err := rest.RESTClientFor(config)
	if err != nil {
		return "", err
	}
	var r authentication.SelfSubjectReview
	err = client.Post().Resource("selfsubjectreviews").Body(&authentication.SelfSubjectReview{}).Do(ctx).Into(&r)
	return r.Status.UserInfo.Username, err
}
