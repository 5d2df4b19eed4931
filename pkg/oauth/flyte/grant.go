package flyte

import (
	"fmt"
	"strings"
)

const (
	grantAuto    = "auto"
	grantDevice  = "device"
	grantMachine = "client-credentials"
)

// grant settles how a token is come by. A secret file or variable that is named
// means client credentials, whatever authType says.
func (r *reader) grant() (err error) {
	named, err := r.secret()
	if err != nil {
		return err
	}
	v := r.get(optionAuthType)
	r.c.AuthType = v.text
	if named == "" {
		r.c.Grant, err = grantOf(v)
		if isYAML(r.File) && !r.InWorkingTree && !r.values[optionAuthType].stated() {
			r.c.Notes = append(r.c.Notes, r.File+" has no "+yamlName(optionAuthType)+", which flytectl takes for ClientSecret and the others for Pkce")
		}
		return err
	}
	r.c.Grant = grantMachine
	if g, err := grantOf(v); v.stated() && (err != nil || g != grantMachine) {
		r.c.Notes = append(r.c.Notes, fmt.Sprintf("%s is not obeyed: %s means client credentials", v.where, named))
	}
	return nil
}

// grantOf is the grant of an authType. flytekit takes the names in any case, and
// has some more than the others.
func grantOf(v value) (string, error) {
	switch strings.ToLower(strings.TrimSpace(v.text)) {
	case "", "pkce", "standard", "externalcommand", "external_process":
		return grantAuto, nil // the command is most likely this program: it asks itself nothing
	case "deviceflow":
		return grantDevice, nil
	case "clientsecret", "client_credentials", "basic":
		return grantMachine, nil
	case "passthrough":
		return "", fmt.Errorf("%s is Passthrough: programs bring their own credentials with each call, and no token can be had", v.where)
	}
	return "", fmt.Errorf("%s is %q: must be Pkce, DeviceFlow, ClientSecret or ExternalCommand", v.where, v.text)
}
