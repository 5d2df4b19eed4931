// Package flyte runs the program as Flyte's clients do, before a control plane that
// is flyteadmin's own code as far as it can be. All is in its tests.
package flyte
