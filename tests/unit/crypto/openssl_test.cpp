// What we make is checked by the openssl program, and what it makes is read by us. Skipped where there is no such program.
#include "crypto/keys.hpp"
#include "crypto/x509.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace forgepool;
using namespace std::chrono_literals;

namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "forgepool-openssl-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }

  std::string write(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name) << text;
    return path_ / name;
  }
  std::string read(const std::string& name) const {
    std::stringstream text;
    text << std::ifstream(path_ / name).rdbuf();
    return text.str();
  }
  /// Runs `openssl ARGUMENTS` in this folder; its output is in the message if the exit code is not 0.
  void openssl(const std::string& arguments) const {
    const int code = std::system(("cd " + path_.string() + " && openssl " + arguments + " >log 2>&1").c_str());
    INFO("openssl " << arguments << "\n" << read("log"));
    CHECK(code == 0);
  }

 private:
  std::filesystem::path path_;
};

bool openssl_missing() {
  return std::system("openssl version >/dev/null 2>&1") != 0;
}

Time current_time() {
  return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}

}  // namespace

TEST_CASE("openssl verify -x509_strict accepts our CA and the certificates it issues") {
  if (openssl_missing()) SKIP("no openssl program");
  const Folder folder;
  const Time now = current_time();
  const auto ca_key = *generate_key(KeyAlgorithm::ecdsa_p256);
  const auto ca = *parse_certificate(*make_ca_certificate(*ca_key, {"pool CA", now - 1min, now + 24h * 3650, 0}));
  folder.write("ca.pem", certificate_to_pem(ca.der));
  folder.openssl("verify -x509_strict -check_ss_sig -CAfile ca.pem ca.pem");
  for (const auto algorithm : {KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ed25519}) {
    for (const char* common_name : {"", "named"}) {
      CertificateFields fields;
      fields.common_name = common_name;
      fields.not_before = now - 1min;
      fields.not_after = now + 1h;
      fields.key_usage = key_usage::digital_signature;
      fields.extended_key_usage = {std::string(eku_server_auth), std::string(eku_client_auth)};
      fields.uri_names = {"spiffe://example.org/hub"};
      fields.dns_names = {"hub.example.org"};
      fields.ip_addresses = {{127, 0, 0, 1}};
      const auto key = *generate_key(algorithm);
      folder.write("leaf.pem", certificate_to_pem(*make_certificate(ca, *ca_key, key->public_key(), fields)));
      for (const char* purpose : {"sslserver", "sslclient"})
        folder.openssl(std::string("verify -x509_strict -purpose ") + purpose + " -CAfile ca.pem leaf.pem");
      folder.openssl("verify -x509_strict -verify_hostname hub.example.org -CAfile ca.pem leaf.pem");
      folder.openssl("verify -x509_strict -verify_ip 127.0.0.1 -CAfile ca.pem leaf.pem");
    }
  }
}

TEST_CASE("openssl verifies our certificate requests and reads our keys") {
  if (openssl_missing()) SKIP("no openssl program");
  const Folder folder;
  for (const auto algorithm : {KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ed25519}) {
    const auto key = *PrivateKey::generate(algorithm);
    folder.write("request.pem", certificate_request_to_pem(*make_certificate_request(*key.signer(), "agent")));
    folder.openssl("req -in request.pem -verify -noout");
    folder.write("key.pem", key.to_pem().text());
    folder.openssl("pkey -in key.pem -check -noout");
    folder.openssl("pkey -in key.pem -pubout -out public.pem");
    CHECK(public_key_from_pem(folder.read("public.pem")) == key.public_key());
  }
}

TEST_CASE("we read keys, requests and certificates that openssl made") {
  if (openssl_missing()) SKIP("no openssl program");
  const Folder folder;
  folder.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ca.key");
  folder.openssl(
      "req -x509 -new -key ca.key -subj /CN=theirs -days 2 -addext keyUsage=critical,keyCertSign,cRLSign -out ca.pem");
  folder.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out leaf.key");
  folder.openssl("req -new -key leaf.key -subj /O=x/CN=leaf -addext subjectAltName=URI:spiffe://example.org/hub -out leaf.csr");
  folder.write("ext",
               "subjectAltName=URI:spiffe://example.org/"
               "hub\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n");
  folder.openssl("x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -days 1 -extfile ext -out leaf.pem");

  const auto signer = signer_from_pem(folder.read("leaf.key"));
  REQUIRE(signer);
  const auto request = parse_certificate_request(*certificate_request_from_pem(folder.read("leaf.csr")));
  REQUIRE(request);
  CHECK(request->key == (*signer)->public_key());
  const auto root = certificate_from_pem(folder.read("ca.pem"));
  REQUIRE(root);
  CHECK(root->fields.common_name == "theirs");
  const auto leaf = verify_chain(*certificate_chain_from_pem(folder.read("leaf.pem")), *root, current_time() + 1s);
  REQUIRE(leaf);
  CHECK(leaf->key == (*signer)->public_key());
  CHECK(leaf->fields.uri_names == std::vector<std::string>{"spiffe://example.org/hub"});
  CHECK(leaf->fields.key_usage == key_usage::digital_signature);
}

TEST_CASE("keys of other kinds that openssl made are refused") {
  if (openssl_missing()) SKIP("no openssl program");
  const Folder folder;
  for (const char* algorithm :
       {"EC -pkeyopt ec_paramgen_curve:P-384", "EC -pkeyopt ec_paramgen_curve:secp256k1", "RSA", "X25519"}) {
    folder.openssl(std::string("genpkey -algorithm ") + algorithm + " -out key.pem");
    folder.openssl("pkey -in key.pem -pubout -out public.pem");
    CHECK(signer_from_pem(folder.read("key.pem")).error().kind == ErrorKind::invalid_input);
    CHECK(public_key_from_pem(folder.read("public.pem")).error().kind == ErrorKind::invalid_input);
  }
}
