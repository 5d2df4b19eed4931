package kubelogin

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

// azureFlags are the flags of Azure/kubelogin's get-token.
// https://azure.github.io/kubelogin/cli/get-token.html
func azureFlags() []flags {
	return []flags{
		{kind: word, names: "login,l=devicecode client-id client-secret client-certificate server-id tenant-id,t environment,e=AzurePublicCloud authority-host"},
		{kind: boolean, names: "legacy pop-enabled disable-instance-discovery"},
		{kind: word, names: "token-cache-dir cache-dir", dropped: "tokens are stored in the state directory of this program"},
		{kind: boolean, names: "disable-environment-override", dropped: "variables of Azure are not read"},
		{kind: boolean, names: "use-azurerm-env-vars", dropped: "variables of Terraform are not read"},
		// Of the cache, and of logins that are not supported.
		{kind: word, names: "timeout client-certificate-password username password identity-resource-id federated-token-file pop-claims azure-config-dir azure-pipelines-service-connection-id redirect-url login-hint"},
	}
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
	if err := t.parse(args, azureFlags()); err != nil {
		return err
	}
	env := t.user.Env
	login := cmp.Or(env["AAD_LOGIN_METHOD"], t.word("login"))
	client := cmp.Or(env["AZURE_CLIENT_ID"], env["AAD_SERVICE_PRINCIPAL_CLIENT_ID"], t.word("client-id"))
	tenant := cmp.Or(env["AZURE_TENANT_ID"], t.word("tenant-id"))
	authority := cmp.Or(env["AZURE_AUTHORITY_HOST"], t.word("authority-host"), azureAuthorities()[strings.ToLower(t.word("environment"))])
	if reason := t.azureUnsupported(login, client, tenant, authority); reason != "" {
		return &UnsupportedError{reason}
	}
	t.set("issuer", strings.TrimSuffix(authority, "/")+"/"+strings.ToLower(tenant)+"/v2.0")
	t.set("client-id", client)
	t.set("token-kind", "access")
	t.azureLogin(login)
	return nil
}

// azureUnsupported says why a user must stay with kubelogin, or returns "".
func (t *translation) azureUnsupported(login, client, tenant, authority string) string {
	machine := login == "spn"
	switch {
	case t.word("server-id") == "" || client == "" || tenant == "":
		return "it has no --server-id, no --client-id or no --tenant-id"
	case login != "devicecode" && login != "interactive" && !machine:
		return "it uses the login method " + login
	case machine && (t.word("client-certificate") != "" || t.user.Env["AZURE_CLIENT_CERTIFICATE_PATH"] != ""):
		return "it uses a client certificate"
	case machine && t.word("client-secret") == "" && secretVariable(t.user.Env) == "":
		return "its client secret is not in the kubeconfig"
	case t.bool("legacy"):
		return "it uses --legacy, the endpoints of version 1 of Entra"
	case t.bool("pop-enabled"):
		return "it uses proof-of-possession tokens"
	case authority == "":
		return fmt.Sprintf("it uses the unknown environment %q", t.word("environment"))
	case !regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`).MatchString(tenant):
		return "its --tenant-id is a name: the issuer needs the tenant's ID"
	}
	return ""
}

// azureLogin requests an access token for the API server's application, as kubelogin does.
func (t *translation) azureLogin(login string) {
	scope, variable := t.word("server-id")+"/.default", secretVariable(t.user.Env)
	if login == "spn" {
		t.set("grant", "client-credentials")
		t.set("scope", scope)
		t.set("client-secret-env", variable)
		if variable == "" {
			t.secret(t.word("client-secret"))
		}
		return
	}
	t.set("scope", scope, "openid", "profile", "offline_access")
	t.setIf(login == "devicecode", "grant", "device")
	t.setIf(login == "interactive", "redirect-uri", "http://localhost")
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
