package oauthtest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"golang.org/x/oauth2"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func post(t *testing.T, url string, form url.Values) (status int, answer map[string]any) {
	t.Helper()
	response, err := http.PostForm(url, form)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_ = json.NewDecoder(response.Body).Decode(&answer) // an empty answer has no fields, which is for the test to judge
	return response.StatusCode, answer
}

func TestDevice(t *testing.T) {
	s := start(t, oauthtest.Config{Path: "/x"})
	a := newApp(t, s)
	poll := func(d *oauth2.DeviceAuthResponse) (int, map[string]any) {
		return post(t, a.Endpoint.TokenURL, url.Values{
			"grant_type":  {"urn:ietf:params:oauth:grant-type:device_code"},
			"device_code": {d.DeviceCode},
			"client_id":   {a.ClientID},
		})
	}
	begin := func() *oauth2.DeviceAuthResponse {
		t.Helper()
		d, err := a.DeviceAuth(a.ctx)
		if err != nil {
			t.Fatal(err)
		}
		if d.Interval != 1 {
			t.Errorf("interval %d, want 1", d.Interval)
		}
		if status, answer := poll(d); status != http.StatusBadRequest || answer["error"] != "authorization_pending" {
			t.Errorf("%d %v, want authorization_pending", status, answer)
		}
		return d
	}
	for name, approve := range map[string]func(*oauth2.DeviceAuthResponse){
		"method": func(d *oauth2.DeviceAuthResponse) {
			if !s.ApproveDevice(d.UserCode) {
				t.Error("the code is not known")
			}
		},
		"page": func(d *oauth2.DeviceAuthResponse) {
			if page, err := oauthtest.SignIn(a.ctx, nil, d.VerificationURIComplete); err != nil {
				t.Error(err, page)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := begin()
			approve(d)
			token, err := a.DeviceAccessToken(a.ctx, d)
			if err != nil {
				t.Fatal(err)
			}
			if claims, err := s.Verify(token.Extra("id_token").(string)); err != nil || claims["sub"] != "alice" {
				t.Errorf("ID token: %v, %v", claims, err)
			}
			a.mustRefresh(t, token.RefreshToken)
			if status, answer := poll(d); status != http.StatusBadRequest || answer["error"] != "expired_token" {
				t.Errorf("a device code is good twice: %d %v", status, answer)
			}
		})
	}
	for name, deny := range map[string]func(*oauth2.DeviceAuthResponse){
		"method": func(d *oauth2.DeviceAuthResponse) { s.DenyDevice(d.UserCode) },
		"page": func(d *oauth2.DeviceAuthResponse) {
			s.Deny(true)
			oauthtest.SignIn(a.ctx, nil, d.VerificationURIComplete)
		},
	} {
		t.Run("deny by "+name, func(t *testing.T) {
			d := begin()
			deny(d)
			if status, answer := poll(d); status != http.StatusBadRequest || answer["error"] != "access_denied" {
				t.Errorf("%d %v, want access_denied", status, answer)
			}
		})
	}
	if s.ApproveDevice("nonsense") {
		t.Error("a code is known that was never given")
	}
	if _, err := oauthtest.SignIn(a.ctx, nil, s.URL+"/device?user_code=nonsense"); err == nil {
		t.Error("the page takes a code that was never given")
	}
	wantCount(t, s, "device", 4)
}
