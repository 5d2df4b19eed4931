// Package caller answers the programs that ask for a credential: one file for each
// protocol. A caller decodes the request, resolves the settings, opens the login, gets the
// token and encodes the answer.
package caller

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/pflag"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
)

// Caller is a program, or a family of them, that asks for credentials.
type Caller struct {
	Name    string
	Aliases []string
	Words   string // what may follow the name; empty: flags only
	Short   string // one line for --help
	// LinkName is the name under which the program answers this caller; empty: none.
	LinkName string
	// ReadsFlyte says that Flyte's own configuration counts.
	ReadsFlyte bool
	// OwnFlags are the names of the flags that only this caller has.
	OwnFlags []string
	// New adds these flags and returns the function that answers when they are parsed.
	New func(*pflag.FlagSet) Answer
	// Failure is what the caller reads on stdout if the answer is an error; nil: nothing.
	Failure func(c Call, message string, hint config.Hint) []byte
}

// Answer answers one request. It may return an error and a document, which is written too.
type Answer func(ctx context.Context, c Call) (document []byte, err error)

// Call is one run of the program by a caller.
type Call struct {
	Env   system.Env
	Input config.Input
	Words []string // what follows the caller's name
}

// ErrTold means that the document tells the caller what is wrong, and stderr does not.
var ErrTold = errors.New("the answer says what is wrong")

// without is New of a caller without flags of its own.
func without(answer Answer) func(*pflag.FlagSet) Answer {
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

// word is the i-th word, or empty.
func (c Call) word(i int) string {
	if i < len(c.Words) {
		return c.Words[i]
	}
	return ""
}

// maxRequest is more than any caller sends.
const maxRequest = 1 << 20

// request reads what the caller sends.
func (c Call) request() ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(c.Env.Stdin, maxRequest+1))
	if err == nil && len(text) > maxRequest {
		err = errors.New("the request is larger than 1 MiB")
	}
	return text, err
}
