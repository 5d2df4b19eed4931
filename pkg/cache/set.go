package cache

import (
	"encoding/json"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// set is a token set as it is kept. An [oauth.Secret] does not marshal, so what
// is written here is written on purpose.
type set struct {
	AccessToken  string         `json:"access_token"`
	RefreshToken string         `json:"refresh_token,omitempty"`
	IDToken      string         `json:"id_token,omitempty"`
	Expiry       time.Time      `json:"expiry,omitzero"`
	Obtained     time.Time      `json:"obtained"`
	Renewed      time.Time      `json:"renewed"`
	IDExpiry     time.Time      `json:"id_expiry,omitzero"`
	IDObtained   time.Time      `json:"id_obtained,omitzero"`
	Scopes       []string       `json:"scopes,omitempty"`
	Subject      string         `json:"subject,omitempty"`
	Account      string         `json:"account,omitempty"`
	Server       oauth.Metadata `json:"server"`
}

func toSet(t *oauth.Token) set {
	return set{
		AccessToken: t.AccessToken.Reveal(), RefreshToken: t.RefreshToken.Reveal(), IDToken: t.IDToken.Reveal(),
		Expiry: t.Expiry.UTC(), Obtained: t.Obtained.UTC(), Renewed: t.Renewed.UTC(), IDExpiry: t.IDExpiry.UTC(), IDObtained: t.IDObtained.UTC(),
		Scopes: t.Scopes, Subject: t.Subject, Account: t.Account, Server: t.Server,
	}
}

func (s *set) token() *oauth.Token {
	return &oauth.Token{
		AccessToken: oauth.Secret(s.AccessToken), RefreshToken: oauth.Secret(s.RefreshToken), IDToken: oauth.Secret(s.IDToken),
		Expiry: s.Expiry, Obtained: s.Obtained, Renewed: s.Renewed, IDExpiry: s.IDExpiry, IDObtained: s.IDObtained,
		Scopes: s.Scopes, Subject: s.Subject, Account: s.Account, Server: s.Server,
	}
}

func encode(t *oauth.Token) []byte {
	text, err := json.Marshal(toSet(t))
	if err != nil {
		panic(err) // strings and times
	}
	return text
}

func decode(text []byte) (*oauth.Token, error) {
	var s set
	if json.Unmarshal(text, &s) != nil || s.AccessToken == "" {
		return nil, errDamaged
	}
	return s.token(), nil
}
