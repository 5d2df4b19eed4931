//go:build !linux

package main

import "github.com/rogpeppe/go-internal/testscript"

func kernelCommand(ts *testscript.TestScript, neg bool, args []string) {}

func testNoKeys() {}

func testCron() {}
