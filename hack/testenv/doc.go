// Package testenv is the one test environment: tests and the programs in hack/ use it to run
// flyte-credential-helper as a process in a home directory of its own, with an authorization
// server on loopback and a browser in which a user signs in. Package desktop, below it, adds
// a session bus with gnome-keyring, and Chromium.
//
// A [Machine] is such a place. Go tests start processes on it with [Machine.Run] and
// [Machine.Start]. Scripts (https://pkg.go.dev/github.com/rogpeppe/go-internal/testscript) run
// with [Run], from a TestMain that calls [Main].
//
// # Script commands
//
// Each script has these commands, besides those of testscript. The commands that run
// another command set what stdout and stderr examine, and take what stdin provides.
//
//	status N CMD [ARG...]             run CMD; fail unless its exit status is N
//	within LIMIT N CMD [ARG...]       status, and fail if it takes longer than LIMIT ("3s"):
//	                                  only for scripts whose subject is a hang
//	parallel COUNT N CMD [ARG...]     start CMD COUNT times at once; fail unless each exit
//	                                  status is N; stdout and stderr are those of all
//	await FILE [LINES]                wait until FILE exists and has LINES lines
//	fill FILE TARGET                  write FILE to TARGET with $NAME replaced by variables
//	age DURATION                      make each stored login older, as if time had passed
//	age-failures DURATION             make each record of a failure older
//	forget-keys                       make the kernel forget the keys of stored logins;
//	                                  "! forget-keys": it has none
//	free-port VAR                     set VAR to a port of loopback that stays free
//	occupy PORT                       listen on PORT of loopback until the script ends
//	tokens absent DIR...              fail if a token (a JWT) can be read outside our own
//	                                  store, $STATE, as it is or in base64 behind a user
//	                                  name; "! tokens absent": fail unless one can
//	runs N                            fail unless the program ran N times since the last
//	                                  runs (after [Machine.CountRuns])
//
// The browser ($BROWSER; its name is also a program, test-browser):
//
//	browser HABIT...                  what the user does from now on, see [Habit]:
//	                                  signs-in, declines, closes, waits, stays, probes, noisy, fails,
//	                                  chromium, or none (BROWSER is empty)
//	browser release                   let browsers continue that wait or stay
//	browser count N                   fail unless N browsers were opened in this script
//	browser ended N                   fail unless N browsers that stayed have ended
//
// $BROWSER_LOG has one line for each opened browser, its address. $BROWSER_LOG.page is the
// page where the last one ended, and $BROWSER_LOG.probes the answers to requests by probes.
// If BROWSER_DUMP names a file, the browser writes its environment and descriptors there.
//
// The authorization server ($ISSUER), an oauthtest.Server. KIND is a kind of request as
// oauthtest counts it: discovery, keys, authorize, token, refresh_token, device, revoke, ...
//
//	server count KIND N               fail unless it received N requests of KIND
//	server await KIND N               wait until it has received N requests of KIND
//	server saw KIND NAME=VALUE...     fail unless the last request of KIND had these
//	                                  parameters (header:NAME for a header, * for any value)
//	server lacks TEXT                 fail if any request had TEXT in a parameter or header
//	server forget-counts              count from zero
//	server fail KIND WORD...          fail requests of KIND: status=N, times=N, hang,
//	                                  delay=DURATION, html, body=JSON, redirect=URL, after
//	                                  (only after it has acted), cut (the connection),
//	                                  retry-after=VALUE
//	server odd KIND WORD...           answer requests of KIND as other real servers do: the
//	                                  words of [oauthtest.Server.SetOdd]
//	server heal                       end all failures and oddities
//	server set WORD...                access=DURATION, id=DURATION, grace=DURATION (lifetimes),
//	                                  opaque, groups=N, no-rotation, no-offline,
//	                                  google, submits-itself
//	server revoke-all                 revoke every token
//	server rotate-keys                sign with another key
//	server deny, server accept        the user refuses, or consents again
//	server as USER                    USER signs in from now on
//	server close                      stop
//
// The condition [root] is true for the superuser. Besides $ISSUER, scripts have $CLIENT (a
// public client), $STATE (the directory of stored logins), $CONFIG (the user's config.yaml)
// and $NL (a line feed).
package testenv
