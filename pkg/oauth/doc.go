// Package oauth gets tokens from an OAuth 2.0 or OpenID Connect authorization server. It
// stores nothing: package cache does.
//
// A [Client] has the parameters of flytekit's AuthorizationClient. [Client.Login] logs a user
// in through the browser (RFC 8252, with PKCE, RFC 7636) or with a device code (RFC 8628).
// [Client.ClientCredentials] gets a token for the client itself (RFC 6749 §4.4).
// [Client.Refresh] and [Client.Revoke] take a [Token]. A login and a refresh can also be made
// in two parts: [Client.PrepareLogin] and [Client.PrepareRefresh] do everything that can be
// repeated, and [Client.Redeem] sends the value that the server accepts only once.
//
// The outcome of a failure is an [Error]. Its fields say whether the call may be tried again,
// whether the saved login is still usable, and whether the user has seen anything. Nothing
// has to read its text.
package oauth
