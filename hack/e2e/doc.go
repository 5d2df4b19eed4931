// Package e2e runs the program as kubectl's plugin: the real kubectl, before an
// API server whose bearer check is the real one. It is a module of its own, since
// both are large. All is in its tests.
package e2e
