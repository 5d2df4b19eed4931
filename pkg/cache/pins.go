package cache

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// The file with the pins of all logins, and its lock.
const (
	pinsFile = "pins.json"
	pinsLock = "pins.lock"
)

// Pins are the endpoints of the authorization server that the user has accepted for a Flyte
// endpoint or an issuer, by [PinName]. A logout keeps them.
type Pins map[string][]string

// PinName returns the name of the pin of a login's server.
func PinName(k Key) string { return strings.Join(k.Server, " ") }

// pinned is the content of the file.
type pinned struct {
	Version int  `json:"version"`
	Pins    Pins `json:"pins"`
}

// PinOf returns the pin of a server: its endpoints that a login can use.
func PinOf(m *oauth.Metadata) []string {
	all := []string{m.AuthorizationEndpoint, m.TokenEndpoint, m.DeviceEndpoint}
	return slices.DeleteFunc(all, func(endpoint string) bool { return endpoint == "" })
}

// Pins returns the saved pins. A file that is damaged or cannot be read has none: the user
// is then asked again.
func (d Dir) Pins() Pins {
	var file pinned
	text, err := d.read(pinsFile)
	if err != nil || json.Unmarshal(text, &file) != nil || file.Version != 1 {
		return nil
	}
	return file.Pins
}

// Pin saves a pin.
func (d Dir) Pin(ctx context.Context, name string, endpoints []string) error {
	unlock, err := d.lock(ctx, pinsLock)
	if err != nil {
		return err
	}
	defer unlock()
	file := pinned{Version: 1, Pins: Pins{}}
	maps.Copy(file.Pins, d.Pins())
	if slices.Equal(file.Pins[name], endpoints) {
		return nil
	}
	file.Pins[name] = endpoints
	text, err := json.Marshal(file)
	if err != nil {
		return err
	}
	r, err := d.replace(pinsFile, newSuffix, len(text))
	if err != nil {
		return err
	}
	return r.commit(text)
}
