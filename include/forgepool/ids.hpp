#pragma once
/// Strong identifiers. An id is 1 to 128 characters of [A-Za-z0-9._-], not starting with a dot, so that it can stand in a path,
/// a URL, a log line or a database key without escaping. Ids of agents, jobs and leases are random: they say nothing.
#include <forgepool/bytes.hpp>

#include <compare>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace forgepool {

/// True if `text` has the form of an id (see above).
FORGEPOOL_API bool is_valid_id(std::string_view text);

/// A string that is an id of one kind of thing. `Tag` keeps the kinds apart; two ids of different kinds do not compare. Never
/// changes, so that copies, of which there are many, share the text.
template <class Tag>
class Id {
 public:
  Id() = default;
  /// For text known to be valid (made here, or read back from our own store). Foreign text goes through `parse`.
  explicit Id(std::string text) : text_(text.empty() ? nullptr : std::make_shared<const std::string>(std::move(text))) {}

  /// invalid_input unless `is_valid_id(text)`.
  static Result<Id> parse(std::string_view text) {
    if (!is_valid_id(text))
      return fail(ErrorKind::invalid_input,
                  std::string(Tag::name) + " must be 1 to 128 characters of [A-Za-z0-9._-] and not start with a dot");
    return Id(std::string(text));
  }

  const std::string& str() const {
    static const std::string none;
    return text_ ? *text_ : none;
  }
  bool empty() const { return !text_; }

  friend bool operator==(const Id& a, const Id& b) { return a.text_ == b.text_ || a.str() == b.str(); }
  friend auto operator<=>(const Id& a, const Id& b) { return a.str() <=> b.str(); }

 private:
  std::shared_ptr<const std::string> text_;  ///< None: empty.
};

struct JobTag {
  static constexpr std::string_view name = "job id";
};
struct AgentTag {
  static constexpr std::string_view name = "agent id";
};
struct LeaseTag {
  static constexpr std::string_view name = "lease id";
};
struct OrganizationTag {
  static constexpr std::string_view name = "organization id";
};

using JobId = Id<JobTag>;
using AgentId = Id<AgentTag>;
using LeaseId = Id<LeaseTag>;
using OrganizationId = Id<OrganizationTag>;

/// A shard is the `index`-th part of a job's plan, counted from 0.
struct ShardId {
  JobId job;
  std::uint32_t index = 0;

  friend auto operator<=>(const ShardId&, const ShardId&) = default;
};

/// "<job>/<index>", as shards are named in logs and messages.
FORGEPOOL_API std::string to_string(const ShardId& shard);

}  // namespace forgepool

template <class Tag>
struct std::hash<forgepool::Id<Tag>> {
  std::size_t operator()(const forgepool::Id<Tag>& id) const { return std::hash<std::string>()(id.str()); }
};
template <>
struct std::hash<forgepool::ShardId> {
  std::size_t operator()(const forgepool::ShardId& shard) const {
    return std::hash<std::string>()(shard.job.str()) * 31 + shard.index;
  }
};
