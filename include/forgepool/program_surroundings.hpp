#pragma once
/// What surrounds every program in a sandbox, on every machine: results depend on some of it (glibc chooses variants of libm's
/// functions by a variable of the environment), and may depend on all of it. A backend that runs programs takes these from
/// here; one that cannot give all of them declares SandboxLimitation::other_surroundings. Usable without the standard library.
#include <cstdint>

namespace forgepool::surroundings {

inline constexpr const char* program_name = "/program";  ///< argv[0]. There need be no such file.
/// The environment, whole and in this order. glibc's libm picks variants with fused multiply-add where the processor has it,
/// and their results differ in the last bits from those without: this turns them off (names of old and new versions of glibc;
/// it ignores those it does not know). To programs with another C library it is an unknown variable.
inline constexpr const char* environment[] = {
    "GLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA,-FMA4,-FMA_Usable,-FMA4_Usable,-AVX2_Usable"};
inline constexpr const char* working_folder = "/";
inline constexpr const char* host_name = "forgepool";  ///< And domain name.
inline constexpr std::uint32_t user = 1000;            ///< Real, effective and saved; no supplementary groups.
inline constexpr std::uint32_t group = 1000;
inline constexpr std::uint32_t file_mode_mask = 022;      ///< umask
inline constexpr int process = 2;                         ///< Its number, the leader of its session and group;
inline constexpr int parent_process = 1;                  ///< and that of its parent.
inline constexpr unsigned long personality = 0x004'0000;  ///< ADDR_NO_RANDOMIZE
inline constexpr std::uint32_t open_files = 256;          ///< RLIMIT_NOFILE. 0, 1 and 2 are open, and nothing else.

}  // namespace forgepool::surroundings
