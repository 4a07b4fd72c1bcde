#pragma once
/// A program that can be executed: checked, and in a sealed memory file that nobody can change any more.
#include "sandbox/unique_fd.hpp"

#include <forgepool/digest.hpp>

#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace forgepool::sandbox {

/// Nothing but an x86-64 ELF without an interpreter (static, position independent or not) can run in a box, which has no
/// dynamic linker. `invalid_input` says what else it is. Looks at the headers only and trusts none of their numbers.
Status check_static_elf(ByteView program);

/// What runs from an image that is not readable is not dumpable: no core of it reaches any handler that the host may have. For
/// the box's first process that would mean that an unprivileged agent could not map its user, so its image is readable.
enum class ImageAccess { execute_only, readable };

/// An executable, sealed copy in memory. Its descriptor is close-on-exec.
Result<UniqueFd> make_sealed_image(ByteView program, ImageAccess access);

/// The images used last, by digest, so that a program that runs a thousand times is hashed and copied once. Thread-safe.
class ProgramCache {
 public:
  ProgramCache(std::size_t max_programs, std::size_t max_bytes) : max_programs_(max_programs), max_bytes_(max_bytes) {}

  /// The image of `program`. `invalid_input` if it is not a static ELF; `corrupt` if it does not have that digest: a cache that
  /// believed the caller would run the wrong program for everyone who comes later.
  Result<std::shared_ptr<const UniqueFd>> get(const Digest& digest, ByteView program);

  std::size_t size() const;

 private:
  struct Entry {
    Digest digest;
    std::shared_ptr<const UniqueFd> image;
    std::size_t bytes;
  };
  std::shared_ptr<const UniqueFd> find(const Digest& digest);
  void drop_oldest();

  // constant after construction
  const std::size_t max_programs_;
  const std::size_t max_bytes_;
  // guarded by mutex_
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  ///< The one used last in front.
  std::unordered_map<Digest, std::list<Entry>::iterator> by_digest_;
  std::size_t bytes_ = 0;
};

}  // namespace forgepool::sandbox
