//go:build !linux

package main

func testNoKeys() {}

func testCron() {}
