package gitea

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// register registers the client, as Alice.
func (s *Server) register(ctx context.Context) error {
	var app struct {
		ClientID string `json:"client_id"`
	}
	err := s.post(ctx, "/api/v1/user/applications/oauth2", map[string]any{
		"name": "flyte-credential-helper", "redirect_uris": []string{"http://127.0.0.1"}, "confidential_client": false,
	}, &app)
	s.ClientID = app.ClientID
	return err
}

// AddRepository creates a private repository of Alice with one commit on main.
func (s *Server) AddRepository(ctx context.Context, name string) error {
	return s.post(ctx, "/api/v1/user/repos", map[string]any{
		"name": name, "private": true, "auto_init": true, "default_branch": "main",
	}, nil)
}

// post sends a request to the API as Alice.
func (s *Server) post(ctx context.Context, path string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL(path), bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.SetBasicAuth(Alice, password)
	response, err := s.Client().Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusCreated {
		return fmt.Errorf("gitea: POST %s: %s: %s", path, response.Status, said)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(said, answer)
}
