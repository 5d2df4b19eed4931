package kubelogin

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// azure is Azure/kubelogin. https://azure.github.io/kubelogin/cli/get-token.html
func azure() dialect {
	const cache = "tokens are stored in the state directory of this program"
	return dialect{
		words: "login,l client-id client-secret client-certificate server-id tenant-id,t environment,e authority-host token-cache-dir cache-dir v,v" +
			// Of the cache, and of logins that are not supported.
			" timeout client-certificate-password username password identity-resource-id federated-token-file pop-claims azure-config-dir" +
			" azure-pipelines-service-connection-id redirect-url login-hint",
		booleans: "legacy pop-enabled disable-instance-discovery disable-environment-override use-azurerm-env-vars",
		dropped: map[string]string{
			"token-cache-dir": cache, "cache-dir": cache,
			"disable-environment-override": "variables of Azure are not read", "use-azurerm-env-vars": "variables of Terraform are not read",
		},
		refused: map[string]string{
			"legacy": "it uses --legacy, the endpoints of version 1 of Entra", "pop-enabled": "it uses proof-of-possession tokens",
		},
		translate: (*translation).azure,
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

// azure requests an access token for the API server's application, as kubelogin does.
func (t *translation) azure() (settings, error) {
	env := t.user.Env
	login := cmp.Or(env["AAD_LOGIN_METHOD"], t.word("login"), "devicecode")
	client := cmp.Or(env["AZURE_CLIENT_ID"], env["AAD_SERVICE_PRINCIPAL_CLIENT_ID"], t.word("client-id"))
	tenant := cmp.Or(env["AZURE_TENANT_ID"], t.word("tenant-id"))
	environment := cmp.Or(t.word("environment"), "AzurePublicCloud")
	authority := cmp.Or(env["AZURE_AUTHORITY_HOST"], t.word("authority-host"), azureAuthorities()[strings.ToLower(environment)])
	switch {
	case t.word("server-id") == "" || client == "" || tenant == "":
		return nil, &UnsupportedError{"it has no --server-id, no --client-id or no --tenant-id"}
	case authority == "":
		return nil, &UnsupportedError{fmt.Sprintf("it uses the unknown environment %q", environment)}
	case !regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`).MatchString(tenant):
		return nil, &UnsupportedError{"its --tenant-id is a name: the issuer needs the tenant's ID"}
	}
	all := settings{
		"issuer":     {strings.TrimSuffix(authority, "/") + "/" + strings.ToLower(tenant) + "/v2.0"},
		"client-id":  {client},
		"token-kind": {"access"},
		"scope":      {t.word("server-id") + "/.default", "openid", "profile", "offline_access"},
	}
	switch login {
	case "devicecode":
		all["grant"] = []string{"device"}
	case "interactive":
		all["redirect-uri"] = []string{"http://localhost"}
	case "spn":
		return all, t.servicePrincipal(all)
	default:
		return nil, &UnsupportedError{"it uses the login method " + login}
	}
	return all, nil
}

// servicePrincipal adds the settings of a machine that has a client secret.
func (t *translation) servicePrincipal(all settings) error {
	variables := []string{"AZURE_CLIENT_SECRET", "AAD_SERVICE_PRINCIPAL_CLIENT_SECRET"}
	i := slices.IndexFunc(variables, func(name string) bool { return t.user.Env[name] != "" })
	switch {
	case cmp.Or(t.word("client-certificate"), t.user.Env["AZURE_CLIENT_CERTIFICATE_PATH"]) != "":
		return &UnsupportedError{"it uses a client certificate"}
	case i >= 0:
		all["client-secret-env"] = variables[i : i+1]
	case t.word("client-secret") != "":
		all["client-secret-file"] = []string{t.secretFile("client-secret")}
	default:
		return &UnsupportedError{"its client secret is not in the kubeconfig"}
	}
	all["grant"], all["scope"] = []string{"client-credentials"}, all["scope"][:1]
	return nil
}
