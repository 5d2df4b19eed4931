// Package execcred implements the protocols by which programs run a command to get a
// credential: client-go's ExecCredential, the credential helpers of git, docker and Bazel,
// GOAUTH of the go command, and the forms for scripts. It does not know where a token comes
// from: package cache gets one.
//
// [Serve] makes a plugin from a function that returns a credential. Each protocol also has a
// function that decodes a request, such as [DecodeGit], and a method that encodes the
// answer, such as [GitRequest.Encode]. A host request, that is a request of git, docker,
// Bazel or the go command, names the [Host] that will get the token. A request that could be
// read in two ways has the zero Host, and gets no token. A [Pattern] says which hosts get
// one.
package execcred
