#include "transport_raw.hpp"

#include "transport_processes.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
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

void serve(const PeerProcess::Ready& ready) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener, 1) != 0) std::abort();
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  ready(ntohs(address.sin_port));
  const int connection = accept(listener, nullptr, nullptr);
  std::vector<char> buffer(buffer_bytes);
  for (;;) {
    const ssize_t got = recv(connection, buffer.data(), buffer.size(), 0);
    if (got <= 0) return;
    for (ssize_t sent = 0; sent < got;) {
      const ssize_t n = send(connection, buffer.data() + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
      if (n <= 0) return;
      sent += n;
    }
  }
}

}  // namespace

double raw_echo_mb_per_s(std::size_t total_bytes) {
  const PeerProcess peer(serve);
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = loopback(peer.port());
  if (connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::abort();
  std::vector<char> out(buffer_bytes, 'x'), in(buffer_bytes);
  std::size_t sent = 0, received = 0;
  const double start = now_s();
  while (received < total_bytes) {
    pollfd ready{connection, static_cast<short>(POLLIN | (sent < total_bytes ? POLLOUT : 0)), 0};
    poll(&ready, 1, -1);
    if (ready.revents & POLLOUT) {
      const ssize_t n = send(connection, out.data(), std::min(out.size(), total_bytes - sent), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n > 0) sent += static_cast<std::size_t>(n);
    }
    if (ready.revents & POLLIN) {
      const ssize_t n = recv(connection, in.data(), in.size(), MSG_DONTWAIT);
      if (n > 0) received += static_cast<std::size_t>(n);
    }
  }
  const double seconds = now_s() - start;
  close(connection);
  return static_cast<double>(total_bytes) / seconds / 1e6;
}

}  // namespace bench
