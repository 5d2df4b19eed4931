package flyte

import (
	"fmt"
	"os"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// secret settles where the client's secret is: in the variable that is named, else
// in the file that is named, else in flytekit's own variable or INI option, which
// does not decide on the grant. It returns where it is named by what does.
func (r *reader) secret() (named string, err error) {
	if k := r.key; k != nil {
		r.c.SecretEnv, r.c.secret = k.variable, func() (oauth.Secret, error) { return k.secret, nil }
		return k.variable, nil
	}
	variable, file, own := r.get(optionSecretEnv), r.get(optionSecretFile), r.get(optionSecret)
	switch {
	case r.env[variable.text] != "":
		r.inVariable(variable.text)
		return variable.where, nil
	case file.stated():
		r.c.SecretFile = r.world.absolute(file.text)
		r.c.secret = func() (oauth.Secret, error) { return readSecret(r.c.SecretFile) }
		return file.where, r.mustExist(file)
	case own.stated():
		if own.name == own.where { // a variable
			r.c.SecretEnv = own.name
		}
		r.c.secret = func() (oauth.Secret, error) { return oauth.Secret(own.text), nil }
	case variable.stated():
		r.c.Notes = append(r.c.Notes, fmt.Sprintf("%s names %s, which is not set", variable.where, variable.text))
		r.inVariable(variable.text)
	}
	return "", nil
}

func (r *reader) inVariable(name string) {
	env := r.env
	r.c.SecretEnv = name
	r.c.secret = func() (oauth.Secret, error) {
		if env[name] == "" {
			return "", fmt.Errorf("the environment variable %s, which should hold the client's secret, is not set", name)
		}
		return oauth.Secret(env[name]), nil
	}
}

func (r *reader) mustExist(file value) error {
	info, err := os.Stat(r.c.SecretFile)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", r.c.SecretFile)
	}
	if err != nil {
		return fmt.Errorf("%s: cannot read the client's secret: %w", file.where, err)
	}
	return nil
}

// readSecret reads a file that may end in a newline, which then is none of the
// secret. Who else can read it is not looked at: in a cluster it is put there.
func readSecret(path string) (oauth.Secret, error) {
	text, err := readFile(path, maxSecret)
	if err != nil {
		return "", fmt.Errorf("cannot read the client's secret: %w", err)
	}
	if strings.HasSuffix(text, "\n") {
		text = strings.TrimSpace(text)
	}
	if text == "" {
		return "", fmt.Errorf("%s holds no secret", path)
	}
	return oauth.Secret(text), nil
}
