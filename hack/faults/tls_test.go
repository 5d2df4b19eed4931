//go:build linux && faults

package faults

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"
)

func tlsRows() []row {
	return []row{{name: "B11 TLS", injected: "expired, wrong host, unknown CA, TLS 1.1, none", promise: "status 5 that names the reason, no browser", play: untrusted}}
}

// certificate describes the certificate of a server. By default it is valid for loopback
// and is its own authority. Each row changes something.
type certificate struct {
	name    string
	says    string // a part of the message that the program must print
	change  func(*x509.Certificate)
	version uint16 // the newest that the server speaks
	trusted bool   // by --ca-file
}

func certificates() []certificate {
	none := func(*x509.Certificate) {}
	return []certificate{
		{"expired", "has expired, or is not valid yet", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }, tls.VersionTLS13, true},
		{"not valid yet", "has expired, or is not valid yet", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }, tls.VersionTLS13, true},
		{"wrong host", "is for another host", func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"other.example.com"} }, tls.VersionTLS13, true},
		{"unknown CA", "not signed by an authority that this machine trusts", none, tls.VersionTLS13, false},
		{"TLS 1.1", "protocol version", none, tls.VersionTLS11, true},
	}
}

func untrusted(ctx context.Context, t *trial) {
	for _, c := range certificates() {
		s, ca := t.serveTLS(c)
		m := t.against(s.URL)
		if c.trusted {
			m.Set("ca-file", ca)
		}
		p := t.run(ctx, m, "token")
		s.Close()
		t.failed(p, 5)
		t.says(p, c.says)
		t.opened(m, 0)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	m := t.against("https" + plain.URL[len("http"):])
	p := t.run(ctx, m, "token")
	t.failed(p, 5)
	t.says(p, "does not speak TLS")
}

// serveTLS starts a server with the certificate, and writes its authority's to a
// file.
func (t *trial) serveTLS(c certificate) (s *httptest.Server, ca string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("%v", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: c.name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(2 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	c.change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatalf("%v", err)
	}
	ca = filepath.Join(t.dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatalf("%v", err)
	}
	s = httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // do not log handshakes that the client ends
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: c.version, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.StartTLS()
	return s, ca
}
