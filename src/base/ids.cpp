#include <forgepool/ids.hpp>

#include <algorithm>

namespace forgepool {

bool is_valid_id(std::string_view text) {
  if (text.empty() || text.size() > 128 || text.front() == '.') return false;
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

std::string to_string(const ShardId& shard) {
  return shard.job.str() + "/" + std::to_string(shard.index);
}

}  // namespace forgepool
