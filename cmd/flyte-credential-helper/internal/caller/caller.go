// Package caller answers the programs that request a credential, with one file for each
// protocol. A caller decodes the request, resolves the settings, opens the login, gets the
// token and encodes the answer.
package caller

import (
	"context"
	"errors"

	"github.com/spf13/pflag"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
)

// Caller is a program, or a family of programs, that requests credentials.
type Caller struct {
	Name    string
	Aliases []string
	Words   string // the arguments after the name, for the usage line; empty: flags only
	Short   string // one line for --help
	Example string // a command line for --help, without the program's name
	// LinkName is the name under which the program answers this caller; empty: none.
	LinkName string
	// ReadsFlyte makes the caller read Flyte's own configuration.
	ReadsFlyte bool
	// OwnFlags are the names of the flags that only this caller has.
	OwnFlags []string
	// New adds these flags and returns the function that answers after they are parsed.
	New func(*pflag.FlagSet) Answer
	// Failure returns the text that the caller reads on stdout if the answer is an error.
	// Nil: it reads none.
	Failure func(c Call, message string, hint config.Hint) []byte
}

// Answer answers one request. If it returns both an error and a document, the document is
// written too.
type Answer func(ctx context.Context, c Call) (document []byte, err error)

// Call is one run of the program by a caller.
type Call struct {
	Env   system.Env
	Input config.Input
	Words []string // the arguments after the caller's name
	// Version returns the version of this program.
	Version func() string
}

// ErrInDocument means that the document has the error message, and that stderr gets none.
var ErrInDocument = errors.New("the answer has the error message")

// withoutFlags returns the New of a caller without flags of its own.
func withoutFlags(answer Answer) func(*pflag.FlagSet) Answer {
	return func(*pflag.FlagSet) Answer { return answer }
}

// open resolves the settings and opens the login.
func (c Call) open(ctx context.Context, p login.Policy) (*login.Session, error) {
	settings, err := login.Resolve(c.Input, p, c.Env)
	if err != nil {
		return nil, err
	}
	return login.Open(ctx, settings, p, c.Env)
}

// word returns the i-th argument, or "".
func (c Call) word(i int) string {
	if i < len(c.Words) {
		return c.Words[i]
	}
	return ""
}

// request reads the request from stdin.
func request[R any](c Call, decode func([]byte) (R, error)) (r R, err error) {
	text, err := execcred.ReadRequest(c.Env.Stdin)
	if err != nil {
		return r, err
	}
	return decode(text)
}
