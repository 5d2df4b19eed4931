package kubelogin

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

// azureFlags are the flags of Azure/kubelogin's get-token.
// https://azure.github.io/kubelogin/cli/get-token.html
type azureFlags struct {
	login, client, secret, server, tenant, environment, authority string
	certificate                                                   string
	legacy, pop                                                   bool
}

// azureDropped are flags without a setting here, and flags of logins that are not supported.
func azureDropped() (all []dropped) {
	all = []dropped{
		{"token-cache-dir", false, "tokens are stored in the state directory of this program"},
		{"cache-dir", false, "tokens are stored in the state directory of this program"},
		{"timeout", false, ""},
		{"disable-environment-override", true, "variables of Azure are not read"},
		{"disable-instance-discovery", true, ""},
		{"use-azurerm-env-vars", true, "variables of Terraform are not read"},
	}
	for _, flag := range []string{"client-certificate-password", "username", "password", "identity-resource-id", "federated-token-file", "pop-claims", "azure-config-dir", "azure-pipelines-service-connection-id", "redirect-url", "login-hint"} {
		all = append(all, dropped{flag: flag})
	}
	return all
}

// azureAuthorities are the hosts of Entra by the environments of Azure.
func azureAuthorities() map[string]string {
	return map[string]string{
		"azurepubliccloud": "https://login.microsoftonline.com/", "azurecloud": "https://login.microsoftonline.com/",
		"azurechinacloud":   "https://login.partner.microsoftonline.cn/",
		"azureusgovernment": "https://login.microsoftonline.us/", "azureusgovernmentcloud": "https://login.microsoftonline.us/",
	}
}

func (t *translation) azure(args []string) error {
	a, f := &azureFlags{}, t.flags
	f.StringVarP(&a.login, "login", "l", "devicecode", "")
	f.StringVar(&a.client, "client-id", "", "")
	f.StringVar(&a.secret, "client-secret", "", "")
	f.StringVar(&a.certificate, "client-certificate", "", "")
	f.StringVar(&a.server, "server-id", "", "")
	f.StringVarP(&a.tenant, "tenant-id", "t", "", "")
	f.StringVarP(&a.environment, "environment", "e", "AzurePublicCloud", "")
	f.StringVar(&a.authority, "authority-host", "", "")
	f.BoolVar(&a.legacy, "legacy", false, "")
	f.BoolVar(&a.pop, "pop-enabled", false, "")
	if err := t.parse(args, azureDropped()); err != nil {
		return err
	}
	a.login = cmp.Or(t.user.Env["AAD_LOGIN_METHOD"], a.login)
	a.client = cmp.Or(t.user.Env["AZURE_CLIENT_ID"], t.user.Env["AAD_SERVICE_PRINCIPAL_CLIENT_ID"], a.client)
	a.tenant = cmp.Or(t.user.Env["AZURE_TENANT_ID"], a.tenant)
	a.authority = cmp.Or(t.user.Env["AZURE_AUTHORITY_HOST"], a.authority, azureAuthorities()[strings.ToLower(a.environment)])
	if reason := a.unsupported(t.user.Env); reason != "" {
		return &UnsupportedError{reason}
	}
	t.azureProfile(a)
	return nil
}

// unsupported says why a user must stay with kubelogin, or returns "".
func (a *azureFlags) unsupported(env map[string]string) string {
	switch {
	case a.server == "" || a.client == "" || a.tenant == "":
		return "it has no --server-id, no --client-id or no --tenant-id"
	case a.login != "devicecode" && a.login != "interactive" && a.login != "spn":
		return "it uses the login method " + a.login
	case a.login == "spn" && (a.certificate != "" || env["AZURE_CLIENT_CERTIFICATE_PATH"] != ""):
		return "it uses a client certificate"
	case a.login == "spn" && a.secret == "" && secretVariable(env) == "":
		return "its client secret is not in the kubeconfig"
	case a.legacy:
		return "it uses --legacy, the endpoints of version 1 of Entra"
	case a.pop:
		return "it uses proof-of-possession tokens"
	case a.authority == "":
		return fmt.Sprintf("it uses the unknown environment %q", a.environment)
	case !regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`).MatchString(a.tenant):
		return "its --tenant-id is a name: the issuer needs the tenant's ID"
	}
	return ""
}

// azureProfile requests an access token for the API server's application, as kubelogin does.
func (t *translation) azureProfile(a *azureFlags) {
	t.set("issuer", strings.TrimSuffix(a.authority, "/")+"/"+strings.ToLower(a.tenant)+"/v2.0")
	t.set("client-id", a.client)
	t.set("token-kind", "access")
	scope := a.server + "/.default"
	switch a.login {
	case "spn":
		t.set("grant", "client-credentials")
		t.set("scope", scope)
		t.set("client-secret-env", secretVariable(t.user.Env))
		if secretVariable(t.user.Env) == "" {
			t.file("client-secret-file", ".secret", "the client secret from the kubeconfig", a.secret+"\n")
		}
		return
	case "devicecode":
		t.set("grant", "device")
	case "interactive":
		t.set("redirect-uri", "http://localhost")
	}
	t.set("scope", scope, "openid", "profile", "offline_access")
}

// secretVariable is the variable of the plugin's environment that has the client secret, or "".
func secretVariable(env map[string]string) string {
	for _, name := range []string{"AZURE_CLIENT_SECRET", "AAD_SERVICE_PRINCIPAL_CLIENT_SECRET"} {
		if env[name] != "" {
			return name
		}
	}
	return ""
}
