package cache

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/zalando/go-keyring"
)

// service is the service name of this program's keys in the OS keyring.
const service = "flyte-credential-helper"

// The time limits for a call of the OS keyring: if no user can answer its question, and if
// a user can.
const (
	unattendedLimit = 2 * time.Second
	attendedLimit   = time.Minute
)

// errNoKey means that the OS keyring answered that it has no such key. Any other answer,
// or none, is a [StoreError].
var errNoKey = errors.New("no such key")

// Keyring is the keyring of the operating system: Keychain on macOS, Credential
// Manager on Windows, the Secret Service elsewhere.
type Keyring struct {
	// Attended reports whether there is a user who may be asked to unlock it. It is
	// called only if that matters. Nil: there is none.
	Attended func() bool
	// Getenv returns the variables that name the session bus. Nil: os.Getenv.
	Getenv func(string) string
}

// get returns the key of user, or errNoKey.
func (k *Keyring) get(ctx context.Context, user string) ([]byte, error) {
	text, err := k.lookup(ctx, user)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != keySize {
		return nil, errNoKey // another program wrote it: it is not a key
	}
	return key, nil
}

func (k *Keyring) set(ctx context.Context, user string, key []byte) error {
	text := base64.StdEncoding.EncodeToString(key)
	_, err := k.callWithTimeout(ctx, func() (string, error) { return "", keyring.Set(service, user, text) })
	return err
}

func (k *Keyring) delete(ctx context.Context, user string) error {
	if _, err := k.lookup(ctx, user); err != nil {
		if errors.Is(err, errNoKey) {
			return nil
		}
		return err
	}
	_, err := k.callWithTimeout(ctx, func() (string, error) { return "", keyring.Delete(service, user) })
	if errors.Is(err, errNoKey) {
		return nil
	}
	return err
}

// callWithTimeout runs a call of go-keyring, which knows neither contexts nor time-outs.
func (k *Keyring) callWithTimeout(ctx context.Context, call func() (string, error)) (string, error) {
	if err := k.checkBus(); err != nil {
		return "", err
	}
	k.setBusAddress()
	limit := unattendedLimit
	if k.attended() {
		limit = attendedLimit
	}
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := call()
		answers <- answer{text, err}
	}()
	select {
	case a := <-answers:
		if errors.Is(a.err, keyring.ErrNotFound) {
			return "", errNoKey
		}
		if a.err != nil {
			return "", keyringError(a.err)
		}
		return a.text, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case <-time.After(limit):
		return "", keyringError(errors.New("it does not answer"))
	}
}

func (k *Keyring) attended() bool { return k.Attended != nil && k.Attended() }

// absentError is the error of a machine that has no OS keyring.
func absentError(reason string) *StoreError {
	e := &StoreError{Problem: "there is no OS keyring: " + reason, Store: StoreFile, absent: true}
	const trial = service + ":trial"
	if kernelSet(trial, newKey(), kernelLimit) == nil {
		kernelDelete(trial)
		e.Store = StoreKernel
	}
	return e
}

func keyringError(err error) error {
	if noSecretService(err) {
		return absentError("no Secret Service runs on the session bus")
	}
	problem := err.Error()
	if strings.Contains(problem, "failed to unlock") {
		problem = "it is locked"
	}
	return &StoreError{
		Problem: "the OS keyring cannot be used: " + oneLine(problem) + " (unlock it, or save tokens unencrypted in a file that only you can read)",
		Store:   StoreFile,
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
