#include "transport_tcp.hpp"

#include "transport_processes.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#include <openssl/ec_key.h>
#include <openssl/nid.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#pragma GCC diagnostic pop

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <vector>

namespace bench {
namespace {

constexpr std::size_t buffer_bytes = 256u << 10;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// One self-signed P-256 certificate for both ends.
class TlsSettings {
 public:
  TlsSettings() : context_(SSL_CTX_new(TLS_method())) {
    const bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
    const bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
    const bssl::UniquePtr<X509> certificate(X509_new());
    EC_KEY_generate_key(ec.get());
    EVP_PKEY_set1_EC_KEY(key.get(), ec.get());
    X509_set_version(certificate.get(), X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    SSL_CTX* const context = context_.get();
    const bool made =
        X509_sign(certificate.get(), key.get(), EVP_sha256()) != 0 &&
        SSL_CTX_use_certificate(context, certificate.get()) == 1 && SSL_CTX_use_PrivateKey(context, key.get()) == 1 &&
        SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 && SSL_CTX_set1_curves_list(context, "X25519") == 1;
    if (!made) std::abort();
    SSL_CTX_set_custom_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                              [](SSL*, std::uint8_t*) { return ssl_verify_ok; });
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_num_tickets(context, 0);
  }
  SSL_CTX* get() const { return context_.get(); }

 private:
  const bssl::UniquePtr<SSL_CTX> context_;
};

/// A connected TCP socket, with TLS over it or without. Calls return 0 or less when nothing could be moved, like the system's.
class Stream {
 public:
  Stream(int fd, const TlsSettings* tls, bool server) : fd_(fd) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!tls) return;
    ssl_.reset(SSL_new(tls->get()));
    SSL_set_fd(ssl_.get(), fd);
    if ((server ? SSL_accept(ssl_.get()) : SSL_connect(ssl_.get())) != 1) std::abort();
  }
  // No waiting in TIME_WAIT: handshakes by the thousand would use up the ports.
  ~Stream() {
    const linger abort{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    close(fd_);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void wait(bool may_send) const {
    if (ssl_ && SSL_pending(ssl_.get()) > 0) return;
    pollfd ready{fd_, static_cast<short>(POLLIN | (may_send ? POLLOUT : 0)), 0};
    poll(&ready, 1, -1);
  }
  ssize_t send(const char* data, std::size_t size) {
    return ssl_ ? SSL_write(ssl_.get(), data, static_cast<int>(size)) : ::send(fd_, data, size, MSG_NOSIGNAL);
  }
  ssize_t receive(char* data, std::size_t size) {
    return ssl_ ? SSL_read(ssl_.get(), data, static_cast<int>(size)) : recv(fd_, data, size, 0);
  }
  void set_nonblocking() const { fcntl(fd_, F_SETFL, O_NONBLOCK); }
  bool send_all(const char* data, std::size_t size) {
    for (std::size_t sent = 0; sent < size;) {
      const ssize_t n = send(data + sent, size - sent);
      if (n <= 0) return false;
      sent += static_cast<std::size_t>(n);
    }
    return true;
  }

 private:
  const int fd_;
  bssl::UniquePtr<SSL> ssl_;
};

void serve(const PeerProcess::Ready& ready, const TlsSettings* tls) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener, 16) != 0) std::abort();
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  ready(ntohs(address.sin_port));
  std::vector<char> buffer(buffer_bytes);
  for (;;) {
    Stream stream(accept(listener, nullptr, nullptr), tls, true);
    for (;;) {
      const ssize_t got = stream.receive(buffer.data(), buffer.size());
      if (got <= 0 || !stream.send_all(buffer.data(), static_cast<std::size_t>(got))) break;
    }
  }
}

/// The echoing process, and connections to it.
class Echo {
 public:
  explicit Echo(Tcp kind) : peer_([this, kind](PeerProcess::Ready ready) { serve(ready, settings(kind)); }), kind_(kind) {}
  std::unique_ptr<Stream> connect() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = loopback(peer_.port());
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::abort();
    return std::make_unique<Stream>(fd, settings(kind_), false);
  }

 private:
  const TlsSettings* settings(Tcp kind) const { return kind == Tcp::tls ? &tls_ : nullptr; }

  const TlsSettings tls_;
  const PeerProcess peer_;
  const Tcp kind_;
};

}  // namespace

double tcp_echo_mb_per_s(Tcp kind, std::size_t total_bytes) {
  Echo echo(kind);
  const auto stream = echo.connect();
  stream->set_nonblocking();
  std::vector<char> out(buffer_bytes, 'x'), in(buffer_bytes);
  std::size_t sent = 0, received = 0;
  const double start = now_s();
  while (received < total_bytes) {
    stream->wait(sent < total_bytes);
    if (sent < total_bytes) {
      const ssize_t n = stream->send(out.data(), std::min(out.size(), total_bytes - sent));
      if (n > 0) sent += static_cast<std::size_t>(n);
    }
    const ssize_t n = stream->receive(in.data(), in.size());
    if (n > 0) received += static_cast<std::size_t>(n);
  }
  return static_cast<double>(total_bytes) / (now_s() - start) / 1e6;
}

double tcp_requests_per_s(Tcp kind, std::size_t message_bytes, double seconds) {
  Echo echo(kind);
  const auto stream = echo.connect();
  std::vector<char> message(message_bytes, 'x');
  std::size_t done = 0;
  const double start = now_s();
  double now = start;
  for (; now - start < seconds; now = now_s(), ++done) {
    if (!stream->send_all(message.data(), message.size())) std::abort();
    for (std::size_t got = 0; got < message_bytes;) {
      const ssize_t n = stream->receive(message.data(), message.size());
      if (n <= 0) std::abort();
      got += static_cast<std::size_t>(n);
    }
  }
  return static_cast<double>(done) / (now - start);
}

double tcp_handshakes_per_s(Tcp kind, double seconds) {
  Echo echo(kind);
  std::size_t done = 0;
  const double start = now_s();
  double now = start;
  for (; now - start < seconds; now = now_s(), ++done) {
    const auto stream = echo.connect();
    char byte = 'x';
    if (!stream->send_all(&byte, 1) || stream->receive(&byte, 1) != 1) std::abort();
  }
  return static_cast<double>(done) / (now - start);
}

}  // namespace bench
