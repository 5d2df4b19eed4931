// Package windows tests the program as a Windows binary, with scripts. On Windows, go test
// runs them. On Linux, go test builds the program and this package for Windows and runs
// both under wine, in a prefix of its own. It contains only tests.
package windows
