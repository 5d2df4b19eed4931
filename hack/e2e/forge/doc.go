// Package forge runs the program as the credential helper of git, the container
// tools and the go command. The forge is a Gitea, which is OpenID provider, git
// server and container registry in one; beside it are a registry, a git server
// and a module proxy that trust the authorization server of the other tests. It
// is a module of its own, since to build all these programs takes long. All is in
// its tests.
package forge
