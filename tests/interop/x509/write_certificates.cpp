// write_certificates FOLDER: two pools that call themselves the same, and the certificates of one of each kind of node, as
// files.
#include <forgepool/credentials.hpp>
#include <forgepool/event_loop.hpp>

#include <cstdio>
#include <cstdlib>

namespace {

void need(const forgepool::Status& status) {
  if (status) return;
  std::fprintf(stderr, "write_certificates: %s\n", status.error().message.c_str());
  std::exit(1);
}

template <class T>
T need(forgepool::Result<T> result) {
  if (!result) need(forgepool::Status(forgepool::fail(result.error())));
  return std::move(*result);
}

void write_pool(const std::string& folder, forgepool::Time now) {
  const auto hub = need(forgepool::make_hub_identity("x509.example", now));
  need(forgepool::save_hub_identity(hub, folder + "-hub"));
  for (const auto& [path, name] :
       {std::pair{"client/apollo/one", "-member"}, {"client/two", "-client"}, {"operator", "-operator"}})
    need(forgepool::save_credentials(need(forgepool::issue_credentials(hub, path, now)), folder + name));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: write_certificates FOLDER\n", stderr), 2;
  const auto now = forgepool::make_event_loop()->now();
  write_pool(argv[1] + std::string("/pool"), now);
  write_pool(argv[1] + std::string("/other"), now);
}
