// h3get [-cert FILE -key FILE] -ca FILE -pin HEX -out FILE URL
//
// One GET over HTTP/3 with quic-go. The server must have a chain to the CA, exactly one SPIFFE id, and the pinned key. Status 0 and the body in
// FILE for an answer of 200; 1 otherwise.
package main

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/quic-go/quic-go/http3"
)

func main() {
	cert := flag.String("cert", "", "client certificate, PEM; none: connect without")
	key := flag.String("key", "", "its key, PEM")
	ca := flag.String("ca", "", "CA certificate, PEM")
	pin := flag.String("pin", "", "SHA-256 of the server's SubjectPublicKeyInfo, hexadecimal")
	out := flag.String("out", "", "file for the body")
	flag.Parse()
	if err := get(flag.Arg(0), *cert, *key, *ca, *pin, *out); err != nil {
		fmt.Fprintln(os.Stderr, "h3get:", err)
		os.Exit(1)
	}
}

func get(url, cert, key, ca, pin, out string) error {
	config, err := clientConfig(cert, key, ca, pin)
	if err != nil {
		return err
	}
	transport := &http3.RoundTripper{TLSClientConfig: config}
	defer transport.Close()
	response, err := (&http.Client{Transport: transport, Timeout: 20 * time.Second}).Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	state := response.TLS
	fmt.Printf("%s %s, TLS %x, %d bytes\n", response.Proto, response.Status, state.Version, len(body))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s: %s", response.Status, body)
	}
	if response.ProtoMajor != 3 || state.Version != tls.VersionTLS13 {
		return errors.New("expected HTTP/3 and TLS 1.3")
	}
	return os.WriteFile(out, body, 0o600)
}

func clientConfig(cert, key, ca, pin string) (*tls.Config, error) {
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in " + ca)
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS13,
		// Nodes have SPIFFE ids instead of host names: the check below takes the place of Go's.
		InsecureSkipVerify:    true,
		VerifyPeerCertificate: func(chain [][]byte, _ [][]*x509.Certificate) error { return checkServer(chain, roots, pin) },
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		// Also for servers that do not name our CA in their request.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	return config, nil
}

func checkServer(chain [][]byte, roots *x509.CertPool, pin string) error {
	if len(chain) == 0 {
		return errors.New("the server has no certificate")
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return err
	}
	options := x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if _, err := leaf.Verify(options); err != nil {
		return err
	}
	if len(leaf.URIs) != 1 || leaf.URIs[0].Scheme != "spiffe" || !strings.HasSuffix(leaf.URIs[0].Path, "/hub") {
		return fmt.Errorf("expected the SPIFFE id of a hub, got %v", leaf.URIs)
	}
	digest := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	if hex.EncodeToString(digest[:]) != pin {
		return errors.New("the server's key is not the pinned one")
	}
	return nil
}
