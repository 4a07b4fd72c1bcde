#pragma once
/// A program that can be executed: checked, and in a sealed memory file that nobody can change any more.
#include "sandbox/unique_fd.hpp"

#include <forgepool/sandbox.hpp>

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace forgepool::sandbox {

/// What runs from an image that is not readable is not dumpable: no core of it reaches any handler that the host may have. For
/// the box's first process that would mean that an unprivileged agent could not map its user, so its image is readable.
enum class ImageAccess { execute_only, readable };

/// An executable, sealed copy in memory. Its descriptor is close-on-exec.
Result<UniqueFd> make_sealed_image(ByteView program, ImageAccess access);

/// What a box's program is started from.
struct ProgramImage {
  UniqueFd file;  ///< Sealed.
  /// Of a strict program, which of its instructions were rewritten: RewrittenInstruction[rewritten_count], at this offset of
  /// the file, with addresses as loaded.
  std::uint64_t rewritten_offset = 0;
  std::uint32_t rewritten_count = 0;
};

/// For a run of this class: unchanged, or rewritten for one that is strict (machine_code/rewrite.hpp). `unsupported` with the
/// reason if it is no program that a box can start.
Result<ProgramImage> make_program_image(ByteView program, Determinism determinism);

/// The images used last, by digest, so that a program that runs a thousand times is hashed and copied once. Thread-safe.
class ProgramCache {
 public:
  ProgramCache(std::size_t max_programs, std::size_t max_bytes) : max_programs_(max_programs), max_bytes_(max_bytes) {}

  /// The image of the request's program, for its class. `unsupported` if it is not a static ELF, or brings executable memory
  /// that the request does not allow; `corrupt` if it does not have the request's digest: a cache that believed the caller
  /// would run the wrong program for everyone who comes later.
  Result<std::shared_ptr<const ProgramImage>> get(const SandboxRequest& request);

  std::size_t size() const;

 private:
  using Key = std::pair<Digest, bool>;  ///< The program's, and whether its image is rewritten.
  struct Entry {
    Key key;
    std::shared_ptr<const ProgramImage> image;
    std::size_t bytes;
  };
  std::shared_ptr<const ProgramImage> find(const Key& key);
  void drop_oldest();

  // constant after construction
  const std::size_t max_programs_;
  const std::size_t max_bytes_;
  // guarded by mutex_
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  ///< The one used last in front.
  std::map<Key, std::list<Entry>::iterator> by_key_;
  std::size_t bytes_ = 0;
};

}  // namespace forgepool::sandbox
