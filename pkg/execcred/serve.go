package execcred

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Protocol is a protocol by which callers run a plugin.
type Protocol string

// The protocols that [Serve] knows.
const (
	Kubernetes Protocol = "kubernetes" // client-go: kubectl, helm
	Git        Protocol = "git"
	Docker     Protocol = "docker" // also podman, skopeo, buildah
	Bazel      Protocol = "bazel"
)

// ErrNoCredential is returned by a [GetFunc] that has no credential for a request. The
// caller then continues without one, except client-go.
var ErrNoCredential = errors.New("there is no credential for this request")

// Request is a host request, or the request of client-go for a cluster.
type Request struct {
	// Host gets the credential. It is zero for client-go, whose request has a Cluster.
	Host     Host
	Cluster  *KubernetesRequest // nil: the caller is not client-go
	Username string             // git's; empty: any
	// Rejected reports whether the server rejected c, which git then asks to replace. It is
	// never nil.
	Rejected func(c Credential) bool
}

// GetFunc returns the credential for a request, or [ErrNoCredential].
type GetFunc func(ctx context.Context, r Request) (Credential, error)

// Process is what a plugin has of its process.
type Process struct {
	Args   []string                 // os.Args[1:]
	Getenv func(name string) string // os.Getenv; only for [Kubernetes]
	Stdin  io.Reader
	Stdout io.Writer
}

// Serve answers one request of a caller with the credential that get returns. A plugin calls
// it in main, and exits with status 1 if it returns an error. get is not called if no
// credential may be sent to the host of the request.
//
// Nothing is stored: the operations store and erase of git and the operation erase of docker
// do nothing, and docker login fails.
func Serve(ctx context.Context, p Protocol, process Process, get GetFunc) error {
	answer, failure := serve(ctx, p, process, get)
	if len(answer) > 0 {
		if _, err := process.Stdout.Write(answer); err != nil {
			return err
		}
	}
	return failure
}

func serve(ctx context.Context, p Protocol, process Process, get GetFunc) (answer []byte, err error) {
	switch p {
	case Kubernetes:
		return serveKubernetes(ctx, process, get)
	case Git:
		return serveGit(ctx, process, get)
	case Docker:
		answer, err = serveDocker(ctx, process, get)
		if err != nil { // docker reads errors on stdout
			answer = []byte(err.Error() + "\n")
		}
		return answer, err
	case Bazel:
		return serveBazel(ctx, process, get)
	}
	return nil, fmt.Errorf("%q is not a protocol of this package", p)
}

func serveKubernetes(ctx context.Context, process Process, get GetFunc) ([]byte, error) {
	r, err := DecodeKubernetes(process.Getenv(KubernetesVariable))
	if err != nil {
		return nil, err
	}
	c, err := get(ctx, Request{Cluster: r, Rejected: neverRejected})
	if err != nil {
		return nil, err
	}
	return r.Encode(c)
}

// serveGit answers git. If get fails, git stops: otherwise it would ask the user for a
// password.
func serveGit(ctx context.Context, process Process, get GetFunc) ([]byte, error) {
	switch process.operation() {
	case "capability":
		return []byte(GitCapabilities), nil
	case "get":
	default:
		return nil, nil
	}
	text, err := ReadRequest(process.Stdin)
	if err != nil {
		return nil, err
	}
	r, err := DecodeGit(text)
	if err != nil || r.Host == (Host{}) {
		return nil, nil
	}
	c, err := get(ctx, Request{Host: r.Host, Username: r.Username, Rejected: r.Rejected})
	switch {
	case errors.Is(err, ErrNoCredential):
		return nil, nil
	case err != nil:
		return []byte(GitQuit), err
	}
	return r.Encode(c, GitAuto)
}

func serveDocker(ctx context.Context, process Process, get GetFunc) ([]byte, error) {
	switch process.operation() {
	case "get":
	case "erase":
		return nil, nil
	case "list":
		return EncodeDockerList(nil)
	case "store":
		return nil, errors.New("this credential helper does not store passwords")
	default:
		return nil, fmt.Errorf("docker's operations are get, store, erase and list, not %q", process.operation())
	}
	text, err := ReadRequest(process.Stdin)
	if err != nil {
		return nil, err
	}
	r, err := DecodeDocker(text)
	switch {
	case err != nil:
		return nil, err
	case r.Host == (Host{}):
		return nil, ErrDockerNotFound
	}
	c, err := get(ctx, Request{Host: r.Host, Rejected: neverRejected})
	switch {
	case errors.Is(err, ErrNoCredential):
		return nil, ErrDockerNotFound
	case err != nil:
		return nil, err
	}
	return r.Encode(c)
}

func serveBazel(ctx context.Context, process Process, get GetFunc) ([]byte, error) {
	if process.operation() != "get" {
		return nil, errors.New("the only operation of Bazel is get")
	}
	text, err := ReadRequest(process.Stdin)
	if err != nil {
		return nil, err
	}
	r, err := DecodeBazel(text)
	if err != nil {
		return nil, err
	}
	if r.Host == (Host{}) {
		return []byte(BazelNone), nil
	}
	c, err := get(ctx, Request{Host: r.Host, Rejected: neverRejected})
	switch {
	case errors.Is(err, ErrNoCredential):
		return []byte(BazelNone), nil
	case err != nil:
		return nil, err
	}
	return r.Encode(c)
}

// operation returns the first argument, or "".
func (p Process) operation() string {
	if len(p.Args) == 0 {
		return ""
	}
	return p.Args[0]
}

// neverRejected is the Rejected of callers that do not report rejections.
func neverRejected(Credential) bool { return false }

// maxRequest is the largest request that is read, in bytes. No caller sends as much.
const maxRequest = 1 << 20

// ReadRequest reads the request of a caller from stdin, 1 MiB at most.
func ReadRequest(stdin io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(stdin, maxRequest+1))
	if err == nil && len(text) > maxRequest {
		err = errors.New("the request is larger than 1 MiB")
	}
	return text, err
}
