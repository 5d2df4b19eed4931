module github.com/flyteorg/flyte-credential-helper

go 1.26.0

require (
	github.com/adrg/xdg v0.5.3 // where configuration and state are, on each system
	github.com/coreos/go-oidc/v3 v3.21.0 // verifies ID tokens
	github.com/creack/pty v1.1.24 // tests: a terminal at which a test pastes
	github.com/go-jose/go-jose/v4 v4.1.8 // reads a server's keys before anything is spent; go-oidc's own
	github.com/goccy/go-yaml v1.19.2 // config.yaml with line numbers; starts in an eighth of yaml.v3's time
	github.com/godbus/dbus/v5 v5.2.4 // the keyring look-up that cannot prompt; go-keyring's own
	github.com/gofrs/flock v0.13.1 // file locks on each system
	github.com/google/go-cmp v0.7.0 // tests: differences of structures
	github.com/kballard/go-shellquote v0.0.0-20180428030007-95032a82bc51 // commands in settings and hints, quoted as a shell does
	github.com/pkg/browser v0.0.0-20240102092130-5ac0b6a4141c // opens the system's browser
	github.com/rogpeppe/go-internal v1.16.0 // tests: scripts that run the program
	github.com/spf13/cobra v1.10.2 // commands and help for people
	github.com/spf13/pflag v1.1.0 // flags; cobra's own, and all that a program's call needs of it
	github.com/tailscale/hujson v0.0.0-20260727124030-b80ff77dac4f // setup: changes one member of a JSON file, and keeps all other bytes
	github.com/zalando/go-keyring v0.2.8 // the keyring on each system
	github.com/zitadel/oidc/v3 v3.51.17 // tests, demo: the OpenID provider behind oauthtest
	golang.org/x/net v0.59.0 // hosts in letters that the DNS does not have; the registrable domain of a host; the servers that need no proxy
	golang.org/x/oauth2 v0.37.0 // authorization URLs and PKCE
	golang.org/x/sys v0.49.0 // terminals, descriptors, core limits
	k8s.io/api v0.37.2 // conformance kit: asks an API server who one is
	k8s.io/apimachinery v0.37.2 // conformance kit, tests: the same
	k8s.io/client-go v0.37.2 // conformance kit, demo, tests: the caller whose protocol is spoken
	rsc.io/qr v0.2.0 // shows a device login's address as a QR code
)

require (
	github.com/bmatcuk/doublestar/v4 v4.10.4 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/danieljoos/wincred v1.2.3 // indirect
	github.com/davecgh/go-spew v1.1.2-0.20180830191138-d8f796af33cc // indirect
	github.com/fxamacker/cbor/v2 v2.9.1 // indirect
	github.com/go-chi/chi/v5 v5.5.0 // indirect
	github.com/go-logr/logr v1.4.4 // indirect
	github.com/go-logr/stdr v1.2.2 // indirect
	github.com/gorilla/securecookie v1.1.2 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/json-iterator/go v1.1.12 // indirect
	github.com/modern-go/concurrent v0.0.0-20180306012644-bacd9c7ef1dd // indirect
	github.com/modern-go/reflect2 v1.0.3-0.20250322232337-35a7c28c31ee // indirect
	github.com/muhlemmer/gu v0.3.1 // indirect
	github.com/muhlemmer/httpforwarded v0.1.0 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/rs/cors v1.11.1 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	github.com/zitadel/schema v1.3.2 // indirect
	go.opentelemetry.io/auto/sdk v1.2.1 // indirect
	go.opentelemetry.io/otel v1.46.0 // indirect
	go.opentelemetry.io/otel/metric v1.46.0 // indirect
	go.opentelemetry.io/otel/trace v1.46.0 // indirect
	go.yaml.in/yaml/v2 v2.4.4 // indirect
	go.yaml.in/yaml/v3 v3.0.6 // indirect
	golang.org/x/term v0.47.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	golang.org/x/time v0.15.0 // indirect
	golang.org/x/tools v0.51.0 // indirect
	gopkg.in/inf.v0 v0.9.1 // indirect
	k8s.io/klog/v2 v2.140.0 // indirect
	k8s.io/kube-openapi v0.0.0-20260721132016-d427ff9ee9ad // indirect
	k8s.io/utils v0.0.0-20260626114624-be93311217bd // indirect
	sigs.k8s.io/json v0.0.0-20250730193827-2d320260d730 // indirect
	sigs.k8s.io/randfill v1.0.0 // indirect
	sigs.k8s.io/structured-merge-diff/v6 v6.4.2 // indirect
	sigs.k8s.io/yaml v1.6.0 // indirect
)
