// Package flyte has what Flyte adds to OAuth 2.0. [Discover] asks a Flyte endpoint how to log
// in. [Requests] makes the requests of a login at such an endpoint, for package cache. The
// other functions read the configuration of Flyte's own clients.
package flyte
