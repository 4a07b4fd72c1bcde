#include "sandbox/program_image.hpp"

#include "machine_code/elf.hpp"
#include "machine_code/rewrite.hpp"
#include "sandbox/limits.hpp"
#include "sandbox/strict/layout.hpp"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace forgepool::sandbox {
namespace {

std::string system_error(const char* what) {
  return std::string(what) + ": " + std::strerror(errno);
}

int create_memory_file() {
#ifdef MFD_EXEC
  constexpr unsigned executable = MFD_EXEC;
#else
  constexpr unsigned executable = 0x0010u;
#endif
  const int fd = memfd_create("program", MFD_CLOEXEC | MFD_ALLOW_SEALING | executable);
  // Kernels before 6.3 do not know the flag, and need none.
  return fd < 0 && errno == EINVAL ? memfd_create("program", MFD_CLOEXEC | MFD_ALLOW_SEALING) : fd;
}

bool write_whole(int fd, ByteView data) {
  while (!data.empty()) {
    const auto written = ::write(fd, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data = data.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

/// Where the loader will put a position-independent program.
void place_as_loaded(std::vector<machine_code::RewrittenInstruction>& table, ByteView program) {
  Elf64_Ehdr header;
  std::memcpy(&header, program.data(), sizeof header);
  if (header.e_type == ET_DYN)
    for (auto& instruction : table) instruction.address += strict::program_base;
}

void append_table(machine_code::RewrittenProgram& rewritten, std::uint64_t offset) {
  const auto size = rewritten.table.size() * sizeof rewritten.table[0];
  rewritten.program.resize(static_cast<std::size_t>(offset) + size);
  if (size > 0) std::memcpy(rewritten.program.data() + offset, rewritten.table.data(), size);
}

}  // namespace

Result<UniqueFd> make_sealed_image(ByteView program, ImageAccess access) {
  UniqueFd file(create_memory_file());
  if (!file) return fail(ErrorKind::internal, system_error("no memory file for the program"));
  if (!write_whole(file.get(), program)) return fail(ErrorKind::internal, system_error("could not copy the program"));
  if (fchmod(file.get(), access == ImageAccess::readable ? 0555 : 0111) != 0)
    return fail(ErrorKind::internal, system_error("could not make the program executable"));
  if (fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
    return fail(ErrorKind::unsupported, system_error("could not seal the program"));
  return file;
}

Result<ProgramImage> make_program_image(ByteView program, Determinism determinism) {
  if (auto status = machine_code::check_static_elf(program); !status) return fail(status.error());
  machine_code::RewrittenProgram rewritten;
  ProgramImage image;
  if (determinism == Determinism::strict) {
    auto made = machine_code::rewrite_unfixed(program);
    if (!made) return fail(made.error());
    rewritten = std::move(*made);
    place_as_loaded(rewritten.table, program);
    image.rewritten_offset = whole_pages(program.size());
    image.rewritten_count = static_cast<std::uint32_t>(rewritten.table.size());
    append_table(rewritten, image.rewritten_offset);
    program = rewritten.program;
  }
  auto file = make_sealed_image(program, ImageAccess::execute_only);
  if (!file) return fail(file.error());
  image.file = std::move(*file);
  return image;
}

Result<std::shared_ptr<const ProgramImage>> ProgramCache::get(const SandboxRequest& request) {
  const ByteView program = *request.program;
  if (!request.policy.allows(SandboxRelaxation::executable_memory))
    if (auto status = machine_code::check_write_or_execute(program); !status) return fail(status.error());
  const Key key{request.program_digest, request.determinism == Determinism::strict};
  if (auto image = find(key)) return image;
  if (sha256(program) != request.program_digest)
    return fail(ErrorKind::corrupt,
                "the program does not have the digest it was requested by (" + request.program_digest.str() + ")");
  auto made = make_program_image(program, request.determinism);
  if (!made) return fail(made.error());
  auto image = std::make_shared<const ProgramImage>(std::move(*made));

  std::lock_guard lock(mutex_);
  // Another thread may have been faster; a program too large for the cache is simply not kept.
  if (by_key_.contains(key) || program.size() > max_bytes_) return image;
  entries_.push_front({key, image, program.size()});
  by_key_.emplace(key, entries_.begin());
  bytes_ += program.size();
  while (entries_.size() > max_programs_ || bytes_ > max_bytes_) drop_oldest();
  return image;
}

std::shared_ptr<const ProgramImage> ProgramCache::find(const Key& key) {
  std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->image;
}

void ProgramCache::drop_oldest() {
  bytes_ -= entries_.back().bytes;
  by_key_.erase(entries_.back().key);
  entries_.pop_back();
}

std::size_t ProgramCache::size() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace forgepool::sandbox
