#pragma once
/// What a program may do in the sandbox beyond what every program may: nothing, unless it is named. Adapters ask for
/// relaxations in their manifests, embedders in their requests, operators of agents say which ones they grant, and receipts
/// record them.
///
///     request.policy = SandboxPolicy().allow(SandboxRelaxation::memory_files).allow(SandboxRelaxation::local_sockets);
///
/// The set of relaxations is closed: none of them lets a program reach anything outside of its box. There is none for networks,
/// for files of the host, or for more privileges. Threads need none: every program of class `standard` may start some, within
/// its limit of processes. Value types; any thread.
#include <forgepool/result.hpp>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace forgepool {

enum class SandboxRelaxation {
  spawn,              ///< May fork, and execute files from /in (exec@1 needs it).
  memory_files,       ///< memfd_create, and seals on what it makes.
  local_sockets,      ///< Connected pairs of local stream sockets (socketpair), to talk among its own threads and processes.
  executable_memory,  ///< May map memory that can be executed: just-in-time compilers.
};
inline constexpr SandboxRelaxation sandbox_relaxations[] = {SandboxRelaxation::spawn, SandboxRelaxation::memory_files,
                                                            SandboxRelaxation::local_sockets,
                                                            SandboxRelaxation::executable_memory};
FORGEPOOL_API std::string_view to_string(SandboxRelaxation relaxation);
FORGEPOOL_API Result<SandboxRelaxation> parse_sandbox_relaxation(std::string_view text);
/// For people: "may start other processes and execute its input files".
FORGEPOOL_API std::string_view describe(SandboxRelaxation relaxation);

class SandboxPolicy {
 public:
  /// Denies whatever is not needed by every program.
  constexpr SandboxPolicy() = default;
  constexpr SandboxPolicy(std::initializer_list<SandboxRelaxation> relaxations) {
    for (const auto relaxation : relaxations) allow(relaxation);
  }
  explicit constexpr SandboxPolicy(std::span<const SandboxRelaxation> relaxations) {
    for (const auto relaxation : relaxations) allow(relaxation);
  }
  /// Every relaxation there is.
  static constexpr SandboxPolicy all() { return SandboxPolicy(sandbox_relaxations); }

  constexpr SandboxPolicy& allow(SandboxRelaxation relaxation) {
    bits_ |= 1u << static_cast<unsigned>(relaxation);
    return *this;
  }

  constexpr bool allows(SandboxRelaxation relaxation) const { return (bits_ >> static_cast<unsigned>(relaxation) & 1) != 0; }
  /// Allows nothing that `other` does not.
  constexpr bool within(const SandboxPolicy& other) const { return (bits_ & ~other.bits_) == 0; }
  constexpr bool denies_all() const { return bits_ == 0; }
  /// In the order of the enumeration.
  FORGEPOOL_API std::vector<SandboxRelaxation> relaxations() const;

  friend constexpr auto operator<=>(const SandboxPolicy&, const SandboxPolicy&) = default;

 private:
  std::uint32_t bits_ = 0;
};
/// "spawn, memory_files", or "none".
FORGEPOOL_API std::string to_string(const SandboxPolicy& policy);
/// The same back; also without the spaces. invalid_input for names that are none.
FORGEPOOL_API Result<SandboxPolicy> parse_sandbox_policy(std::string_view text);

}  // namespace forgepool
