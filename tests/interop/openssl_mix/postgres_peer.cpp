#include "postgres_peer.hpp"

#include <array>
#include <memory>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace mix {
namespace {

/// PostgreSQL's frontend/backend protocol 3.0, section "Message Formats": ErrorResponse.
std::string error_response(const std::string& message) {
  const std::string fields = std::string("SFATAL") + '\0' + "C3D000" + '\0' + "M" + message + '\0' + '\0';
  const std::uint32_t length = htonl(static_cast<std::uint32_t>(fields.size() + 4));
  return "E" + std::string(reinterpret_cast<const char*>(&length), 4) + fields;
}

}  // namespace

PostgresPeer::PostgresPeer(const std::string& certificate_path, const std::string& key_path) {
  if (!certificate_path.empty()) {
    tls_ = SSL_CTX_new(TLS_server_method());
    if (!tls_ || SSL_CTX_use_certificate_chain_file(tls_, certificate_path.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls_, key_path.c_str(), SSL_FILETYPE_PEM) != 1)
      throw std::runtime_error("OpenSSL cannot use the certificate " + certificate_path);
  }
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 8) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("cannot listen on 127.0.0.1");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

PostgresPeer::~PostgresPeer() {
  ::shutdown(listener_, SHUT_RDWR);  // Ends accept().
  thread_.join();
  ::close(listener_);
  SSL_CTX_free(tls_);
}

void PostgresPeer::serve() const {
  for (;;) {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    const timeval patience{20, 0};
    ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    answer(client);
    ::close(client);
  }
}

void PostgresPeer::answer(int client) const {
  std::array<char, 8> ssl_request{};
  if (::recv(client, ssl_request.data(), ssl_request.size(), MSG_WAITALL) != static_cast<ssize_t>(ssl_request.size())) return;
  if (::send(client, tls_ ? "S" : "N", 1, MSG_NOSIGNAL) != 1) return;
  if (tls_) refuse_over_tls(client);
}

void PostgresPeer::refuse_over_tls(int client) const {
  const std::unique_ptr<SSL, decltype(&SSL_free)> session(SSL_new(tls_), SSL_free);
  if (!session || SSL_set_fd(session.get(), client) != 1 || SSL_accept(session.get()) != 1) return;
  std::array<char, 1024> startup{};
  if (SSL_read(session.get(), startup.data(), static_cast<int>(startup.size())) <= 0) return;
  const std::string response = error_response(refusal);
  SSL_write(session.get(), response.data(), static_cast<int>(response.size()));
  SSL_shutdown(session.get());
}

}  // namespace mix
