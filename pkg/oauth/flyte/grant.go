package flyte

import (
	"fmt"
	"strings"
)

const (
	grantAuto              = "auto"
	grantDevice            = "device"
	grantClientCredentials = "client-credentials"
)

// grant decides how to get a token. An option that names a secret file or variable means
// client credentials, even if authType says otherwise.
func (r *reader) grant() (err error) {
	named, err := r.secret()
	if err != nil {
		return err
	}
	v := r.get(optionAuthType)
	r.c.AuthType = v.text
	if named == "" {
		r.c.Grant, err = grantOf(v)
		if isYAML(r.File) && !r.InWorkingTree && !r.values[optionAuthType].isSet() {
			r.c.Notes = append(r.c.Notes, r.File+" has no "+yamlName(optionAuthType)+", which means ClientSecret to flytectl and Pkce to Flyte's other clients")
		}
		return err
	}
	r.c.Grant = grantClientCredentials
	if g, err := grantOf(v); v.isSet() && (err != nil || g != grantClientCredentials) {
		r.c.Notes = append(r.c.Notes, fmt.Sprintf("%s is ignored: %s means client credentials", v.location, named))
	}
	return nil
}

// grantOf returns the grant of an authType. flytekit accepts the names in any case, and
// accepts more names than Flyte's other clients.
func grantOf(v value) (string, error) {
	switch strings.ToLower(strings.TrimSpace(v.text)) {
	case "", "pkce", "standard", "externalcommand", "external_process":
		return grantAuto, nil // the command is most likely this program, which must not run itself
	case "deviceflow":
		return grantDevice, nil
	case "clientsecret", "client_credentials", "basic":
		return grantClientCredentials, nil
	case "passthrough":
		return "", fmt.Errorf("%s is Passthrough: programs send their own credentials with each call, so there is no token to get", v.location)
	}
	return "", fmt.Errorf("%s is %q: must be Pkce, DeviceFlow, ClientSecret or ExternalCommand", v.location, v.text)
}
