package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// Class says for which server a setting is used.
type Class int

// The classes of settings.
const (
	Public      Class = iota // which login it is: no secret, used for any server
	ServerBound              // carries a secret or trust for one server
	Network                  // how the network is reached: used for any server
	Local                    // this machine and its user
)

// naming says who names the server of a call. A kubeconfig's cluster and Flyte's file in a
// working tree are untrusted: other people write them.
type naming struct {
	where   string   // the place that names it, for messages
	by      []Origin // the level that names it, and the trusted levels that name exactly the same one
	trusted bool     // the user has named it for this program
	any     bool     // no server is named, so settings cannot reach a wrong one
}

// anyServer is the naming if it does not matter which server it is.
func anyServer() naming { return naming{any: true} }

// isTrusted reports whether the user has written what the level says for this program.
func (o Origin) isTrusted() bool { return o != Cluster && o != FlyteTree && o != Default }

// uses reports whether a setting of a class that the level from has is used for the server. A
// setting that carries a secret or trust is used only for the server of its own level. The user
// also means the command line and the environment for each server that a trusted level names.
func (n naming) uses(class Class, from Origin) bool {
	return class != ServerBound || n.any || slices.Contains(n.by, from) ||
		n.trusted && (from == FromCommandLine || from == Environment)
}

// named returns who names the server of levels[at]. The preset's is named by the level that
// selects the provider.
func (r *resolver) named(levels []level, at int) naming {
	winner := levels[at]
	n := naming{where: winner.values[r.server(winner)[0]].where, by: []Origin{winner.origin}}
	if winner.origin == Preset {
		n.by = append(n.by, r.out.Origin("provider"))
	}
	server := r.serverOf(winner)
	for _, l := range levels {
		if l.origin.isTrusted() && l.origin != Preset && sameServer(r.serverOf(l), server, winner.origin) {
			n.by = append(n.by, l.origin)
		}
	}
	n.trusted = slices.ContainsFunc(n.by, func(o Origin) bool { return o.isTrusted() && o != Preset })
	return n
}

// serverOf returns the settings of a level that name a server, perhaps by its provider.
func (r *resolver) serverOf(l level) map[string]string {
	names := r.server(l)
	if provider := l.values["provider"].word(); len(names) == 0 && provider != "" {
		l = presetLevel(provider)
		names = r.server(l)
	}
	server := map[string]string{}
	for _, name := range names {
		server[name] = l.values[name].word()
	}
	return server
}

// sameServer reports whether two levels name exactly the same server. An endpoint may be
// written in different ways. by is the level of the second: an untrusted one cannot make the
// endpoint plaintext.
func sameServer(a, b map[string]string, by Origin) bool {
	for name, value := range a {
		if name != "endpoint" && b[name] != value {
			return false
		}
	}
	return len(a) == len(b) && flyte.SameEndpoint(a["endpoint"], b["endpoint"]) &&
		(by.isTrusted() || strings.HasPrefix(a["endpoint"], "http://") == strings.HasPrefix(b["endpoint"], "http://"))
}

// keptSetting is a setting that is not used, because another level names the server.
type keptSetting struct {
	name string
	Value
	origin Origin
}

func (k keptSetting) isSecret() bool {
	return k.name == "client-secret-file" || k.name == "client-secret-env"
}

// keep warns about the settings that are not used. If the client secret is one of them and the
// grant needs it, keep returns an error with a command that names server and secret in one
// place.
func (r *resolver) keep(n naming, server level, kept []keptSetting) error {
	f := r.out.Flyte
	if f != nil && f.Secret != nil && !n.uses(ServerBound, f.origin) {
		f.Secret = nil
		if r.needsSecret() {
			return r.separated(n, server, keptSetting{"client-secret-file", Value{[]string{"FILE"}, f.Source}, f.origin})
		}
	}
	var places []string
	for _, k := range kept {
		if k.isSecret() && r.needsSecret() {
			return r.separated(n, server, k)
		}
		if k.word() != "false" { // which asks for nothing
			places = append(places, k.where)
		}
	}
	if f != nil && f.IgnoredSecret != "" && !n.trusted && r.needsSecret() {
		return r.separated(n, server, keptSetting{Value: Value{where: f.IgnoredSecret}, origin: FlyteHome})
	}
	if len(places) > 0 {
		r.out.Warnings = append(r.out.Warnings, fmt.Sprintf("settings for another server are not sent to %s (from %s): %s", r.out.Server(), n.where, strings.Join(places, ", ")))
	}
	return nil
}

// needsSecret reports whether the grant needs a client secret and none is used.
func (r *resolver) needsSecret() bool {
	s := r.out
	return s.IsMachine() && s.ClientSecretFile == "" && s.ClientSecretEnv == "" && (s.Flyte == nil || s.Flyte.Secret == nil)
}

// separated is the error of a server and a client secret that different sources name. Its
// command is that of this call, with both on the command line.
func (r *resolver) separated(n naming, server level, secret keptSetting) error {
	var more []string
	for _, s := range r.table {
		named := s.Kind == Server && r.out.IsSet(s.Name) && server.origin != FromCommandLine
		if named || r.out.Origin(s.Name) == Cluster {
			more = append(more, r.out.Flag(s.Name)...)
		}
	}
	if secret.name != "" && secret.origin < Environment {
		more = append(more, "--"+secret.name, secret.word())
	}
	return Errorf(Command(r.again(more...)...), "the client secret of %s is not sent to %s, because %s names that server", secret.where, r.out.Server(), n.where)
}

// again is the command line of this call with more flags.
func (r *resolver) again(more ...string) []string {
	at := min(2, len(r.Args)) // after the command: words that follow may be another program's
	return slices.Concat([]string{Program}, r.Args[1:at], more, r.Args[at:])
}
