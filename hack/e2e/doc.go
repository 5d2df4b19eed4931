// Package e2e tests the program as the plugin of the real kubectl, with an API server
// that uses the real authenticator. It is a module of its own, because both have many
// dependencies. It contains only tests.
package e2e
