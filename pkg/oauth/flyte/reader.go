package flyte

import (
	"cmp"
	"slices"
)

// reader reads a Config from a source.
type reader struct {
	*Source
	c *Config
}

// get returns the value of an option: from a variable, otherwise from the file. It returns
// the zero value if the option is not set or is ignored.
func (r *reader) get(option string) value {
	v, set, note := r.vars.option(option)
	if note != "" {
		r.c.Notes = append(r.c.Notes, note)
	}
	if !set {
		v = r.values[option]
	}
	if !v.isSet() {
		return value{}
	}
	if set && r.Untrusted() && (isSecret(option) || isForOneServer(option)) || !set && r.InWorkingTree && !safeFromWorkingTree(option, v) {
		r.ignore(option, v)
		if set && isSecret(option) {
			r.c.IgnoredSecret = cmp.Or(r.c.IgnoredSecret, v.location)
		}
		return value{}
	}
	r.c.locations[option] = v.location
	return v
}

// isSecret reports whether an option says where the client secret is.
func isSecret(option string) bool {
	return slices.Contains([]string{optionSecret, optionSecretFile, optionSecretEnv}, option)
}

// isForOneServer reports whether an option's value is a trust in one server, or a command whose
// token only that server may get. As with a secret, the user hardly meant it for an endpoint
// from a working tree.
func isForOneServer(option string) bool {
	return slices.Contains([]string{optionProxyCommand, optionSkipVerify}, option)
}

// safeFromWorkingTree reports whether an option may be set by a file in a working tree,
// which any program or person may have written: it runs no command, reads no file, adds no
// trust and sends no secret.
func safeFromWorkingTree(option string, v value) bool {
	switch option {
	case optionScopes, optionAudience:
		return true
	case optionAuthType:
		grant, err := grantOf(v)
		return err == nil && grant != grantClientCredentials
	}
	return false
}

// ignore lists an ignored option if it would have had an effect. The command is not listed:
// it most likely started this program.
func (r *reader) ignore(option string, v value) {
	switch option {
	case optionInsecure, optionSkipVerify:
		if !v.isTrue() {
			return
		}
	case optionCommand, optionClientID, optionDisableKeyring:
		return
	}
	r.c.Ignored = append(r.c.Ignored, v.name)
}

func (r *reader) network() {
	r.c.Insecure = r.boolean(optionInsecure)
	r.c.SkipVerify = r.boolean(optionSkipVerify)
	r.c.CAFile = r.env.absolute(r.get(optionCAFile).text)
	r.c.HTTPProxy = r.get(optionHTTPProxy).text
	r.c.DisableKeyring = r.get(optionDisableKeyring).isTrue()
}

func (r *reader) boolean(option string) *bool {
	v := r.get(option)
	if !v.isSet() {
		return nil
	}
	is := v.isTrue()
	return &is
}

// client reads the options of the client, and what it requests.
func (r *reader) client() error {
	if err := r.grant(); err != nil {
		return err
	}
	r.c.Scopes = r.get(optionScopes).scopes()
	r.c.ClientID, r.c.Audience = r.get(optionClientID).text, r.get(optionAudience).text
	if r.key != nil {
		r.c.ClientID, r.c.locations[optionClientID] = r.key.clientID, r.key.variable
	}
	switch r.c.Grant {
	case grantClientCredentials:
	case grantDevice: // flytekit sends the audience, and asks the server for the client
		r.dropClientOptions(optionClientID, optionSecret, optionSecretFile, optionSecretEnv)
	default:
		r.dropClientOptions(optionClientID, optionAudience, optionSecret, optionSecretFile, optionSecretEnv)
	}
	return nil
}

// dropClientOptions ignores options that are for client credentials only: the file of a
// user may also contain those.
func (r *reader) dropClientOptions(options ...string) {
	for _, option := range options {
		if where := r.c.locations[option]; where != "" {
			r.c.Notes = append(r.c.Notes, where+" is used for client credentials only")
			delete(r.c.locations, option)
		}
	}
	r.c.ClientID = ""
	if slices.Contains(options, optionAudience) {
		r.c.Audience = ""
	}
	r.c.SecretFile, r.c.SecretEnv, r.c.secret = "", "", nil
}

func (r *reader) commands() (err error) {
	if r.c.Command, err = r.get(optionCommand).command(); err != nil {
		r.c.Notes = append(r.c.Notes, err.Error()) // not an error: the command is never run here
	}
	r.c.ProxyCommand, err = r.get(optionProxyCommand).command()
	return err
}
