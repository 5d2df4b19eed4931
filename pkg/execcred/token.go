package execcred

// EncodeToken is the answer for callers that take a bare token: the token and
// one LF. flytectl does not trim a CR.
func EncodeToken(c Credential) ([]byte, error) {
	t, err := c.token()
	if err != nil {
		return nil, err
	}
	return []byte(t + "\n"), nil
}
