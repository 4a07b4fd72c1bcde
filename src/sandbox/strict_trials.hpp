#pragma once
/// Whether strict programs are held to their world on this machine: found out by trying, mechanism by mechanism. What the
/// kernel says it has done is no proof.
#include "sandbox/box_runner.hpp"

#include <forgepool/backends/linux_sandbox.hpp>

namespace forgepool::sandbox {

/// Adds what was tried, and what came of it. True if everything works that the class `strict` rests on.
bool try_strict(const BoxMachine& machine, std::vector<SandboxMechanism>& mechanisms);

/// What the strict world's processor has and a processor with these features has not ("SSE4.2, POPCNT"); empty if it has all.
/// `features` as cpuid's leaf 1 tells them, `extended_features` as leaf 0x80000001.
struct ProcessorFeatures {
  std::uint32_t ecx = 0, edx = 0, extended_ecx = 0, extended_edx = 0;
};
std::string missing_features(const ProcessorFeatures& features);

}  // namespace forgepool::sandbox
