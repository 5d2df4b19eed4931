package flyte

import "strings"

// The options of Flyte's clients for the login, by their names below admin: in a YAML
// file.
const (
	optionEndpoint       = "endpoint"
	optionInsecure       = "insecure"
	optionSkipVerify     = "insecureSkipVerify"
	optionCAFile         = "caCertFilePath"
	optionHTTPProxy      = "httpProxyURL"
	optionAuthType       = "authType"
	optionClientID       = "clientId"
	optionSecret         = "clientSecret" // not in YAML
	optionSecretFile     = "clientSecretLocation"
	optionSecretEnv      = "clientSecretEnvVar"
	optionScopes         = "scopes"
	optionAudience       = "audience"
	optionCommand        = "command"
	optionProxyCommand   = "proxyCommand"
	optionDisableKeyring = "disableKeyring"
)

// options returns all options. An unknown option is not an error: the files belong to
// other programs.
func options() []string {
	return []string{
		optionEndpoint, optionInsecure, optionSkipVerify, optionCAFile, optionHTTPProxy,
		optionAuthType, optionClientID, optionSecret, optionSecretFile, optionSecretEnv,
		optionScopes, optionAudience, optionCommand, optionProxyCommand, optionDisableKeyring,
	}
}

// v1Name returns an option's section and name in flytekit's INI files. Both in upper case
// and after FLYTE_ are the name of its variable.
func v1Name(option string) (section, name string) {
	switch option {
	case optionEndpoint:
		return "platform", "url"
	case optionInsecure:
		return "platform", "insecure"
	case optionSkipVerify:
		return "platform", "insecure_skip_verify"
	case optionCAFile:
		return "platform", "ca_cert_file_path"
	case optionHTTPProxy:
		return "platform", "http_proxy_url"
	case optionAuthType:
		return "credentials", "auth_mode"
	case optionClientID:
		return "credentials", "client_id"
	case optionSecret:
		return "credentials", "client_secret"
	case optionSecretFile:
		return "credentials", "client_secret_location"
	case optionSecretEnv:
		return "credentials", "client_secret_env_var"
	case optionScopes:
		return "credentials", "scopes"
	case optionAudience:
		return "credentials", "audience"
	case optionCommand:
		return "credentials", "command"
	case optionProxyCommand:
		return "credentials", "proxy_command"
	}
	return "", ""
}

// v1Variable returns the name of an option's variable in flytekit, or "" if it has none.
func v1Variable(option string) string {
	section, name := v1Name(option)
	if name == "" {
		return ""
	}
	return "FLYTE_" + strings.ToUpper(section+"_"+name)
}

// v2Variables returns the names of an option's variables in Flyte 2, the newer name first.
func v2Variables(option string) []string {
	derived := "FLYTE_ADMIN_" + strings.ToUpper(option)
	switch option {
	case optionSecret, optionAudience:
		return nil
	case optionAuthType:
		return []string{"FLYTE_AUTH_TYPE", derived}
	case optionCommand:
		return []string{"FLYTE_AUTH_COMMAND", derived}
	case optionProxyCommand:
		return []string{"FLYTE_AUTH_PROXY_COMMAND", derived}
	}
	return []string{derived}
}

// yamlName returns the name of a YAML file's option in messages.
func yamlName(option string) string { return "admin." + option }

// iniName returns the name of an INI file's option in messages.
func iniName(option string) string {
	section, name := v1Name(option)
	return "[" + section + "] " + name
}
