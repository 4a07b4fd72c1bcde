#pragma once
/// Enough of a PostgreSQL server to be refused by: it answers the request for TLS with no, or with yes and a handshake of
/// OpenSSL, after which it refuses the login with a message that only arrives if TLS works.
#include <cstdint>
#include <string>
#include <thread>

#include <openssl/ssl.h>

namespace mix {

class PostgresPeer {
 public:
  static constexpr const char* refusal = "database \"nothing\" is only a test";

  /// Without paths the peer speaks no TLS. Listens on a free port of 127.0.0.1 and serves one client at a time. Throws
  /// std::runtime_error.
  explicit PostgresPeer(const std::string& certificate_path = {}, const std::string& key_path = {});
  ~PostgresPeer();
  PostgresPeer(const PostgresPeer&) = delete;
  PostgresPeer& operator=(const PostgresPeer&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  void serve() const;
  void answer(int client) const;
  void refuse_over_tls(int client) const;

  int listener_ = -1;
  std::uint16_t port_ = 0;
  SSL_CTX* tls_ = nullptr;
  std::thread thread_;
};

}  // namespace mix
