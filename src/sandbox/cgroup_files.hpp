#pragma once
/// The files of a cgroup: small texts, written and read whole.
#include "sandbox/unique_fd.hpp"

#include <forgepool/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace forgepool::sandbox {

/// 0, or the errno of opening or writing.
int try_write(const std::string& path, std::string_view text);
Status write_cgroup_file(const std::string& path, std::string_view text);
Result<std::string> read_cgroup_file(const std::string& path);
/// Reads a file that is open already from its start; empty if it cannot be read.
std::string reread(const UniqueFd& file);

/// The first number in a text; 0 if there is none.
std::uint64_t first_number(std::string_view text);
/// The number after `key` in lines of "key number"; 0 if there is none.
std::uint64_t number_of(std::string_view text, std::string_view key);
/// Whether a list of words contains `word`.
bool has_word(std::string_view list, std::string_view word);

/// A folder of ours below a group: made on construction, removed on destruction.
class GroupFolder {
 public:
  /// `unavailable` with the reason if the folder cannot be made.
  static Result<GroupFolder> make(const std::string& parent, const std::string& name);
  GroupFolder(GroupFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  GroupFolder& operator=(GroupFolder&&) = delete;
  ~GroupFolder();

  const std::string& path() const { return path_; }
  Status write(const char* file, std::string_view text) const { return write_cgroup_file(path_ + "/" + file, text); }
  Result<UniqueFd> open(const char* file, int flags) const;

 private:
  explicit GroupFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

/// A name that no other run on this machine uses: "forgepool-<pid>-<time>-<number>".
std::string new_group_name();
/// Removes groups in `parent` that agents which were killed have left behind.
void remove_stale_groups(const std::string& parent);

}  // namespace forgepool::sandbox
