#include "sandbox/program_image.hpp"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace forgepool::sandbox {
namespace {

template <class Header>
bool read_header(ByteView program, std::uint64_t offset, Header& header) {
  if (offset > program.size() || program.size() - offset < sizeof header) return false;
  std::memcpy(&header, program.data() + offset, sizeof header);
  return true;
}

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

}  // namespace

Status check_static_elf(ByteView program) {
  const auto refuse = [](const std::string& what) {
    return fail(ErrorKind::invalid_input, "the program " + what + ": expected a static ELF for x86-64");
  };
  Elf64_Ehdr header{};
  if (!read_header(program, 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return refuse("is not an ELF file");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_machine != EM_X86_64)
    return refuse("is for another kind of processor");
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN) return refuse("is an ELF file that cannot be executed");
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0) return refuse("has no usable program headers");
  bool loads = false;
  for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    // The sum cannot overflow: anything beyond the end of the file has been refused before it is added to.
    if (header.e_phoff > program.size() || !read_header(program, header.e_phoff + i * sizeof segment, segment))
      return refuse("is cut short within its program headers");
    if (segment.p_type == PT_INTERP) return refuse("needs a dynamic linker (link it with -static)");
    loads = loads || segment.p_type == PT_LOAD;
  }
  if (!loads) return refuse("has no segment to load");
  return {};
}

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

Result<std::shared_ptr<const UniqueFd>> ProgramCache::get(const Digest& digest, ByteView program) {
  if (auto image = find(digest)) return image;
  if (auto status = check_static_elf(program); !status) return fail(status.error());
  if (sha256(program) != digest)
    return fail(ErrorKind::corrupt, "the program does not have the digest it was requested by (" + digest.str() + ")");
  auto made = make_sealed_image(program, ImageAccess::execute_only);
  if (!made) return fail(made.error());
  auto image = std::make_shared<const UniqueFd>(std::move(*made));

  std::lock_guard lock(mutex_);
  // Another thread may have been faster; a program too large for the cache is simply not kept.
  if (by_digest_.contains(digest) || program.size() > max_bytes_) return image;
  entries_.push_front({digest, image, program.size()});
  by_digest_.emplace(digest, entries_.begin());
  bytes_ += program.size();
  while (entries_.size() > max_programs_ || bytes_ > max_bytes_) drop_oldest();
  return image;
}

std::shared_ptr<const UniqueFd> ProgramCache::find(const Digest& digest) {
  std::lock_guard lock(mutex_);
  const auto found = by_digest_.find(digest);
  if (found == by_digest_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->image;
}

void ProgramCache::drop_oldest() {
  bytes_ -= entries_.back().bytes;
  by_digest_.erase(entries_.back().digest);
  entries_.pop_back();
}

std::size_t ProgramCache::size() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace forgepool::sandbox
