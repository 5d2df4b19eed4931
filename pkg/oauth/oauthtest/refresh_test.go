package oauthtest_test

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func TestRefreshRotates(t *testing.T) {
	s := start(t, oauthtest.Config{})
	a := newApp(t, s)
	first := a.login(t)
	second, err := a.refresh(first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if second.RefreshToken == first.RefreshToken || second.RefreshToken == "" || second.AccessToken == first.AccessToken {
		t.Errorf("got %+v, want a fresh pair", second)
	}
	if claims, err := s.Verify(second.Extra("id_token").(string)); err != nil || claims["sub"] != "alice" {
		t.Errorf("ID token: %v, %v", claims, err)
	}
	third := a.mustRefresh(t, second.RefreshToken)
	wantCount(t, s, "reuse", 0)

	_, err = a.refresh(first.RefreshToken)
	wantRefused(t, err, http.StatusBadRequest, "invalid_grant")
	wantCount(t, s, "reuse", 1)
	_, err = a.refresh(third)
	wantRefused(t, err, http.StatusBadRequest, "invalid_grant")
	wantCount(t, s, "reuse", 1) // the third was not spent, only of a dead family
	if got := getJSON(t, s, s.URL+"/userinfo", second.AccessToken); got != nil {
		t.Errorf("an access token of a dead family works: %v", got)
	}
	a.mustRefresh(t, a.login(t).RefreshToken) // another family lives
	wantCount(t, s, "refresh_token", 5)
}

func TestRacingRefreshes(t *testing.T) {
	s := start(t, oauthtest.Config{})
	a := newApp(t, s)
	token := a.login(t).RefreshToken
	const racers = 8
	results := make(chan error, racers)
	var group sync.WaitGroup
	for range racers {
		group.Go(func() {
			_, err := a.refresh(token)
			results <- err
		})
	}
	group.Wait()
	close(results)
	won := 0
	for err := range results {
		if err == nil {
			won++
			continue
		}
		wantRefused(t, err, http.StatusBadRequest, "invalid_grant")
	}
	if won != 1 {
		t.Errorf("%d of %d got tokens, want 1", won, racers)
	}
	wantCount(t, s, "reuse", racers-1)
}

func TestGrace(t *testing.T) {
	s := start(t, oauthtest.Config{Grace: time.Minute})
	a := newApp(t, s)
	first := a.login(t).RefreshToken
	second, again := a.mustRefresh(t, first), a.mustRefresh(t, first)
	if second == again {
		t.Error("the second refresh got the first one's token")
	}
	a.mustRefresh(t, second)
	a.mustRefresh(t, again)
	wantCount(t, s, "reuse", 0)

	s.Configure(func(c *oauthtest.Config) { c.Grace = 0 })
	_, err := a.refresh(first)
	wantRefused(t, err, http.StatusBadRequest, "invalid_grant")
	wantCount(t, s, "reuse", 1)
}

func TestNoRotation(t *testing.T) {
	a := newApp(t, start(t, oauthtest.Config{NoRotation: true}))
	token := a.login(t)
	for range 2 {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.RefreshToken}, "client_id": {a.ClientID}}
		status, answer := post(t, a.Endpoint.TokenURL, form)
		if status != http.StatusOK || answer["refresh_token"] != nil || answer["access_token"] == nil {
			t.Errorf("%d %v, want no refresh token", status, answer)
		}
	}
}

func TestRefreshLifetime(t *testing.T) {
	a := newApp(t, start(t, oauthtest.Config{RefreshLifetime: time.Nanosecond}))
	_, err := a.refresh(a.login(t).RefreshToken)
	wantRefused(t, err, http.StatusBadRequest, "invalid_grant")
	wantCount(t, a.server, "reuse", 0)
}

func TestRevokeAll(t *testing.T) {
	s := start(t, oauthtest.Config{})
	a := newApp(t, s)
	token := a.login(t).RefreshToken
	s.RevokeAll()
	_, err := a.refresh(token)
	wantRefused(t, err, http.StatusBadRequest, "invalid_grant")
	wantCount(t, s, "reuse", 0)
	a.mustRefresh(t, a.login(t).RefreshToken)
}

func TestRevocation(t *testing.T) {
	for name, c := range map[string]oauthtest.Config{"JWT": {}, "opaque": {OpaqueAccess: true}} {
		for _, hint := range []string{"", "access_token", "refresh_token"} {
			t.Run(name+"/"+hint, func(t *testing.T) {
				s := start(t, c)
				a := newApp(t, s)
				revoke := func(token string) {
					t.Helper()
					form := url.Values{"token": {token}, "token_type_hint": {hint}, "client_id": {a.ClientID}}
					if status, _ := post(t, s.URL+"/revoke", form); status != http.StatusOK {
						t.Errorf("status %d", status)
					}
				}
				userinfo := func(token string) bool { return getJSON(t, s, s.URL+"/userinfo", token) != nil }

				token := a.login(t)
				if !userinfo(token.AccessToken) {
					t.Fatal("the access token does not work")
				}
				revoke(token.AccessToken)
				if userinfo(token.AccessToken) {
					t.Error("a revoked access token works")
				}
				next, err := a.refresh(token.RefreshToken)
				if err != nil {
					t.Fatal(err)
				}
				revoke(next.RefreshToken)
				if userinfo(next.AccessToken) {
					t.Error("an access token outlives its family")
				}
				_, err = a.refresh(next.RefreshToken)
				wantRefused(t, err, http.StatusBadRequest, "invalid_grant")
				revoke("nonsense")
				wantCount(t, s, "revoke", 3)
			})
		}
	}
}
