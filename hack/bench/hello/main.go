// Command hello is what a Go program costs that does nothing: the measure of
// all that the bench runs.
package main

import "os"

func main() { _, _ = os.Stdout.WriteString("hello, world\n") }
