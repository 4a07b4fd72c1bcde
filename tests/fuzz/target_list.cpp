#include "targets.hpp"

#include <cstdio>
#include <cstdlib>
#include <iterator>

namespace forgepool::fuzz {

void hold(bool promise, const char* what) {
  if (promise) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

std::vector<Target> all_targets() {
  std::vector<Target> all;
  for (auto* make : {identity_targets, document_targets, message_targets, http3_targets})
    for (auto& target : make()) all.push_back(std::move(target));
  return all;
}

}  // namespace forgepool::fuzz
