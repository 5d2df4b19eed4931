package flyte

import "slices"

// reader makes a Config of a source.
type reader struct {
	*Source
	c *Config
}

// get returns what counts of what is said of an option: variables before the file.
func (r *reader) get(option string) value {
	v, set, note := r.env.option(option)
	if note != "" {
		r.c.Notes = append(r.c.Notes, note)
	}
	if !set {
		v = r.values[option]
	}
	if !v.stated() {
		return value{}
	}
	if set && r.strange() && revealing(option) || !set && r.InWorkingTree && !harmless(option, v) {
		r.ignore(option, v)
		return value{}
	}
	r.c.where[option] = v.where
	return v
}

// strange reports whether the endpoint itself is none that the person has named.
func (r *reader) strange() bool { return r.InWorkingTree && r.Name == r.File }

// revealing reports whether an option's value is sent to the endpoint and is good
// for another one too. The person meant it for some endpoint, but hardly for one
// that came with a working tree.
func revealing(option string) bool {
	return slices.Contains([]string{optionSecret, optionSecretFile, optionSecretEnv, optionProxyCommand}, option)
}

// harmless reports whether anybody may say that of an option: it runs nothing, reads
// no file, trusts nobody and sends no secret.
func harmless(option string, v value) bool {
	switch option {
	case optionScopes, optionAudience:
		return true
	case optionAuthType:
		grant, err := grantOf(v)
		return err == nil && grant != grantMachine
	}
	return false
}

// ignore says so of what would have made a difference. What starts this program is
// obeyed in that it runs.
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
	r.c.CAFile = r.world.absolute(r.get(optionCAFile).text)
	r.c.HTTPProxy = r.get(optionHTTPProxy).text
	r.c.DisableKeyring = r.get(optionDisableKeyring).isTrue()
}

func (r *reader) boolean(option string) *bool {
	v := r.get(option)
	if !v.stated() {
		return nil
	}
	is := v.isTrue()
	return &is
}

// client reads who asks, and for what.
func (r *reader) client() error {
	if err := r.grant(); err != nil {
		return err
	}
	r.c.Scopes = r.get(optionScopes).scopes()
	r.c.ClientID, r.c.Audience = r.get(optionClientID).text, r.get(optionAudience).text
	if r.key != nil {
		r.c.ClientID, r.c.where[optionClientID] = r.key.clientID, r.key.variable
	}
	switch r.c.Grant {
	case grantMachine:
	case grantDevice: // flytekit sends the audience, and asks the server for the client
		r.machinesOnly(optionClientID, optionSecret, optionSecretFile, optionSecretEnv)
	default:
		r.machinesOnly(optionClientID, optionAudience, optionSecret, optionSecretFile, optionSecretEnv)
	}
	return nil
}

// machinesOnly drops the options that do not count for the grant: a user's file may name a
// machine's client.
func (r *reader) machinesOnly(options ...string) {
	for _, option := range options {
		if where := r.c.where[option]; where != "" {
			r.c.Notes = append(r.c.Notes, where+" counts for client credentials only")
			delete(r.c.where, option)
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
		r.c.Notes = append(r.c.Notes, err.Error()) // nobody runs it here
	}
	r.c.ProxyCommand, err = r.get(optionProxyCommand).command()
	return err
}
