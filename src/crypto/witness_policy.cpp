/// C2SP tlog-policy: logs, witnesses, groups of them, and the quorum.
#include <forgepool/witness.hpp>

#include <algorithm>
#include <charconv>
#include <set>

namespace forgepool {
namespace {

constexpr std::size_t max_policy_bytes = 256u << 10, max_names = 1'000;

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const auto begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return words;
    line.remove_prefix(begin);
    const auto end = std::min(line.find_first_of(" \t"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

tl::unexpected<Error> refuse(std::size_t line, std::string_view why) {
  return fail(ErrorKind::invalid_input, "witness policy, line " + std::to_string(line) + ": " + std::string(why));
}

}  // namespace

Result<WitnessPolicy> WitnessPolicy::parse(std::string_view text) {
  if (text.size() > max_policy_bytes) return fail(ErrorKind::too_large, "a witness policy may have at most 256 KiB");
  if (!text.empty() && !text.ends_with('\n'))
    return fail(ErrorKind::invalid_input, "witness policy: its last line does not end in a newline");
  WitnessPolicy policy;
  // Groups may come before witnesses: until the end a name is its position in `names`.
  std::vector<std::string> names;
  std::vector<std::pair<bool, std::size_t>> things;  // Is it a group; its number among its kind.
  std::vector<bool> used;
  std::set<Digest> log_keys, witness_keys;  // Pins.
  std::optional<std::size_t> quorum;
  bool has_quorum = false;
  const auto find = [&](std::string_view name) {
    return static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
  };
  std::vector<std::vector<std::size_t>> members;

  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() + 1);
    for (const char c : line)
      if (const auto byte = static_cast<unsigned char>(c); (byte < 0x20 && byte != '\t') || byte == 0x7f)
        return refuse(number, "holds a control character");
    const auto words = words_of(line);
    if (words.empty() || words[0].starts_with('#')) continue;
    const auto add_name = [&](std::string_view name, bool group, std::size_t index) -> Status {
      if (name == "none" || find(name) < names.size()) return refuse(number, "the name " + std::string(name) + " is taken");
      if (names.size() == max_names) return refuse(number, "too many names");
      names.emplace_back(name);
      things.emplace_back(group, index);
      used.push_back(false);
      return {};
    };
    if (words[0] == "log") {
      if (words.size() < 2 || words.size() > 3) return refuse(number, "expected: log <vkey> [<url>]");
      auto key = parse_vkey(words[1]);
      if (!key) return refuse(number, key.error().message);
      if (!log_keys.insert(key->key.pin()).second) return refuse(number, "this log's key was listed before");
      policy.logs_.push_back({std::move(*key), words.size() == 3 ? std::string(words[2]) : ""});
    } else if (words[0] == "witness") {
      if (words.size() < 3 || words.size() > 4) return refuse(number, "expected: witness <name> <vkey> [<url>]");
      auto key = parse_cosigner_vkey(words[2]);
      if (!key) return refuse(number, key.error().message);
      if (!witness_keys.insert(key->key.pin()).second) return refuse(number, "this witness's key was listed before");
      if (auto added = add_name(words[1], false, policy.witnesses_.size()); !added) return fail(added.error());
      policy.witnesses_.push_back({std::string(words[1]), std::move(*key), words.size() == 4 ? std::string(words[3]) : ""});
    } else if (words[0] == "group") {
      if (words.size() < 4) return refuse(number, "expected: group <name> all|any|<k> <name>...");
      const std::size_t count = words.size() - 3;
      std::size_t threshold = words[2] == "all" ? count : 1;
      if (words[2] != "all" && words[2] != "any") {
        const auto [end, error] = std::from_chars(words[2].data(), words[2].data() + words[2].size(), threshold);
        if (error != std::errc() || end != words[2].data() + words[2].size() || threshold < 1 || threshold > count)
          return refuse(number, "the threshold must be all, any, or a number from 1 to that of the members");
      }
      std::vector<std::size_t> group;
      for (std::size_t i = 3; i < words.size(); ++i) {
        const std::size_t member = find(words[i]);
        if (member == names.size()) return refuse(number, "there is no witness or group " + std::string(words[i]) + " above");
        if (used[member]) return refuse(number, std::string(words[i]) + " is a member of a group already");
        used[member] = true;
        group.push_back(member);
      }
      if (auto added = add_name(words[1], true, policy.groups_.size()); !added) return fail(added.error());
      policy.groups_.push_back({std::string(words[1]), threshold, {}});
      members.push_back(std::move(group));
    } else if (words[0] == "quorum") {
      if (words.size() != 2) return refuse(number, "expected: quorum <name>|none");
      if (has_quorum) return refuse(number, "there is a second quorum line");
      has_quorum = true;
      if (words[1] == "none") continue;
      quorum = find(words[1]);
      if (*quorum == names.size()) return refuse(number, "there is no witness or group " + std::string(words[1]) + " above");
    } else {
      return refuse(number, "expected a line that begins with log, witness, group or quorum");
    }
  }
  if (!has_quorum) return fail(ErrorKind::invalid_input, "witness policy: the quorum line is missing");
  const auto as_member = [&](std::size_t name) {
    const auto [group, index] = things[name];
    return static_cast<int>(group ? policy.witnesses_.size() + index : index);
  };
  for (std::size_t i = 0; i < members.size(); ++i)
    for (const std::size_t name : members[i]) policy.groups_[i].members.push_back(as_member(name));
  policy.quorum_ = quorum ? as_member(*quorum) : -1;
  return policy;
}

std::vector<VerifierKey> WitnessPolicy::keys() const {
  std::vector<VerifierKey> keys;
  for (const Cosigner& witness : witnesses_) keys.push_back(witness.key);
  return keys;
}

bool WitnessPolicy::satisfied(int member, const std::vector<bool>& cosigned) const {
  const auto index = static_cast<std::size_t>(member);
  if (index < witnesses_.size()) return cosigned[index];
  const Group& group = groups_[index - witnesses_.size()];  // Its members come before it: no circles.
  return static_cast<std::size_t>(std::ranges::count_if(group.members, [&](int each) { return satisfied(each, cosigned); })) >=
         group.threshold;
}

Status WitnessPolicy::check(std::string_view checkpoint) const {
  if (quorum_ < 0) return {};
  std::vector<bool> cosigned;
  std::string missing;
  for (const Cosigner& witness : witnesses_) {
    const auto seen = verify_cosignature(checkpoint, witness.key);
    cosigned.push_back(seen.has_value());
    if (!seen) missing += (missing.empty() ? "" : ", ") + witness.name;
  }
  if (satisfied(quorum_, cosigned)) return {};
  return fail(ErrorKind::unavailable, "the checkpoint lacks a quorum of witnesses; not cosigned by " + missing);
}

}  // namespace forgepool
