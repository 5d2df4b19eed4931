package oauthtest

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

const devicePath = "/device"

// device is a device that waits until a user enters its user code.
type device struct {
	userCode string
	state    op.DeviceAuthorizationState
}

func (s *store) StoreDeviceAuthorization(ctx context.Context, client, deviceCode, userCode string, expiry time.Time, scopes []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.devices[deviceCode] = &device{userCode, op.DeviceAuthorizationState{
		ClientID: client,
		Audience: audience(ctx, client),
		Scopes:   s.granted(scopes),
		Expires:  expiry,
	}}
	return nil
}

// GetDeviceAuthorizatonState answers a poll. A code that is unknown or was used by
// an earlier poll counts as expired: the provider would turn an error into
// access_denied.
func (s *store) GetDeviceAuthorizatonState(_ context.Context, client, deviceCode string) (*op.DeviceAuthorizationState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.devices[deviceCode]
	if !ok || d.state.ClientID != client {
		return &op.DeviceAuthorizationState{}, nil
	}
	if d.state.Done {
		delete(s.devices, deviceCode)
	}
	state := d.state
	return &state, nil
}

// decide approves or denies a device for the user. It reports whether the code is
// known.
func (s *store) decide(userCode, user string, approve bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.devices {
		if strings.EqualFold(d.userCode, strings.TrimSpace(userCode)) {
			d.state.Done, d.state.Denied = approve, !approve
			d.state.Subject, d.state.AuthTime = subject(user), time.Now()
			return true
		}
	}
	return false
}

// ApproveDevice enters the user code of a device and approves it, as a user would.
// It reports whether a device waits with that code.
func (s *Server) ApproveDevice(userCode string) bool {
	user, _ := s.store.signInUser("")
	return s.store.decide(userCode, user, true)
}

// DenyDevice enters the user code of a device and denies it, as a user would.
// It reports whether a device waits with that code.
func (s *Server) DenyDevice(userCode string) bool {
	user, _ := s.store.signInUser("")
	return s.store.decide(userCode, user, false)
}

// serveDevicePage serves the page on which a user enters the user code of a device.
func (s *Server) serveDevicePage(w http.ResponseWriter, r *http.Request) {
	user, deny := s.store.signInUser("")
	if r.Method != http.MethodPost {
		page{Title: "Connect a device", UserCode: r.Form.Get("user_code"), AskCode: true, User: user}.write(w, http.StatusOK)
		return
	}
	approve := !deny && r.PostForm.Get("answer") != "no"
	if !s.store.decide(r.PostForm.Get("user_code"), r.PostForm.Get("username"), approve) {
		page{Title: "No device waits with this code"}.write(w, http.StatusNotFound)
		return
	}
	page{Title: "Done. The device knows by itself."}.write(w, http.StatusOK)
}
