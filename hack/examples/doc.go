// Package examples tests the programs of docs/go.md, which are below it, together with the
// program itself.
package examples
