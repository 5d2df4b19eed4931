package flyte

import (
	"fmt"
	"os"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// secret finds the client secret: in the variable that an option names, otherwise in the
// file that an option names, otherwise in flytekit's own variable or INI option. It returns
// the location of the option if that decides the grant: flytekit's own does not.
func (r *reader) secret() (named string, err error) {
	if k := r.key; k != nil {
		r.c.SecretEnv, r.c.secret = k.variable, func() (oauth.Secret, error) { return k.secret, nil }
		return k.variable, nil
	}
	variable, file, own := r.get(optionSecretEnv), r.get(optionSecretFile), r.get(optionSecret)
	switch {
	case r.vars[variable.text] != "":
		r.secretFromVariable(variable.text)
		return variable.location, nil
	case file.isSet():
		r.c.SecretFile = r.env.absolute(file.text)
		r.c.secret = func() (oauth.Secret, error) { return r.env.readSecret(r.c.SecretFile) }
		return file.location, r.checkSecretFile(file)
	case own.isSet():
		if own.name == own.location { // a variable
			r.c.SecretEnv = own.name
		}
		r.c.secret = func() (oauth.Secret, error) { return oauth.Secret(own.text), nil }
	case variable.isSet():
		r.c.Notes = append(r.c.Notes, fmt.Sprintf("%s names %s, which is not set", variable.location, variable.text))
		r.secretFromVariable(variable.text)
	}
	return "", nil
}

func (r *reader) secretFromVariable(name string) {
	env := r.vars
	r.c.SecretEnv = name
	r.c.secret = func() (oauth.Secret, error) {
		if env[name] == "" {
			return "", fmt.Errorf("the environment variable %s, which should hold the client's secret, is not set", name)
		}
		return oauth.Secret(env[name]), nil
	}
}

func (r *reader) checkSecretFile(file value) error {
	info, err := os.Stat(r.c.SecretFile)
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory", r.c.SecretFile)
	}
	if err != nil {
		return fmt.Errorf("%s: cannot read the client's secret: %w", file.location, err)
	}
	return nil
}

// readSecret reads a secret from a file. A newline at the end is not part of it.
func (w Env) readSecret(path string) (oauth.Secret, error) {
	if w.ReadSecret != nil {
		w.ReadFile = w.ReadSecret
	}
	text, err := w.readFile(path, maxSecret)
	if err != nil {
		return "", fmt.Errorf("cannot read the client's secret: %w", err)
	}
	if strings.HasSuffix(text, "\n") {
		text = strings.TrimSpace(text)
	}
	if text == "" {
		return "", fmt.Errorf("%s is empty: it should hold the client's secret", path)
	}
	return oauth.Secret(text), nil
}
