// Package cache stores the tokens of logins, and makes sure that of all processes and
// goroutines that need a new token, one requests it. The logins are those of
// flyte-credential-helper: a user who has logged in with it is logged in for each program
// that uses this package with the same client, and the other way round.
//
// [New] makes the [Source] of a login. [Source.Token] returns the saved token if it is
// valid. Otherwise it takes the lock of the login, reads the token again, refreshes it or
// logs in, and saves it. [Source.TokenSource] does the same for code that takes an
// oauth2.TokenSource.
//
// A login is identified by its [Key]. Its token set is saved in a [Store]: encrypted in a
// file, with the key in the OS keyring, if the machine has one.
//
// # Errors
//
// Use errors.As and errors.Is. A [StoreError] means that the store cannot be used. A
// [LoginNeededError] means that a user has to log in and that no login may start here. A
// [RecentError] wraps the outcome of a renewal that failed a short time ago. [ErrBusy] means
// that another process had the lock until the deadline. The outcome of a request or a login
// that failed is an [oauth.Error].
//
// [oauth.Error]: https://pkg.go.dev/github.com/flyteorg/flyte-credential-helper/pkg/oauth#Error
package cache
