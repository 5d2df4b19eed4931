// Command hello does nothing but start and print: its cost is the unit of the bench.
package main

import "os"

func main() { _, _ = os.Stdout.WriteString("hello, world\n") }
