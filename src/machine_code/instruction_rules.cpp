#include "machine_code/instruction_rules.hpp"

#include <algorithm>

namespace forgepool::machine_code {
namespace {

constexpr Rule rules[] = {
    {ZYDIS_MNEMONIC_RDTSC, Unfixed::time, Question::time_stamp},
    {ZYDIS_MNEMONIC_RDTSCP, Unfixed::time, Question::time_stamp_and_processor},

    {ZYDIS_MNEMONIC_RDRAND, Unfixed::randomness, Question::random},
    {ZYDIS_MNEMONIC_RDSEED, Unfixed::randomness, Question::random},
    {ZYDIS_MNEMONIC_XSTORE, Unfixed::randomness},

    {ZYDIS_MNEMONIC_CPUID, Unfixed::identity, Question::processor},
    {ZYDIS_MNEMONIC_RDPID, Unfixed::identity, Question::processor_number},
    {ZYDIS_MNEMONIC_XGETBV, Unfixed::identity, Question::extended_state},
    {ZYDIS_MNEMONIC_LSL, Unfixed::identity},  // The limit of a segment in which Linux keeps the processor's number.
    {ZYDIS_MNEMONIC_LAR, Unfixed::identity},
    {ZYDIS_MNEMONIC_VERR, Unfixed::identity},
    {ZYDIS_MNEMONIC_VERW, Unfixed::identity},
    {ZYDIS_MNEMONIC_SGDT, Unfixed::identity},  // This and the next four fault only where the processor has UMIP.
    {ZYDIS_MNEMONIC_SIDT, Unfixed::identity},
    {ZYDIS_MNEMONIC_SLDT, Unfixed::identity},
    {ZYDIS_MNEMONIC_STR, Unfixed::identity},
    {ZYDIS_MNEMONIC_SMSW, Unfixed::identity},
    {ZYDIS_MNEMONIC_RDPKRU, Unfixed::identity},

    {ZYDIS_MNEMONIC_RDPMC, Unfixed::counters},
    {ZYDIS_MNEMONIC_RDPRU, Unfixed::counters},

    {ZYDIS_MNEMONIC_XBEGIN, Unfixed::transaction},

    {ZYDIS_MNEMONIC_UMWAIT, Unfixed::wait},
    {ZYDIS_MNEMONIC_TPAUSE, Unfixed::wait},
    {ZYDIS_MNEMONIC_MWAITX, Unfixed::wait},

    {ZYDIS_MNEMONIC_VMCALL, Unfixed::hypervisor},
    {ZYDIS_MNEMONIC_VMMCALL, Unfixed::hypervisor},
    {ZYDIS_MNEMONIC_VMFUNC, Unfixed::hypervisor},
    {ZYDIS_MNEMONIC_ENCLU, Unfixed::hypervisor},

    {ZYDIS_MNEMONIC_FXSAVE, Unfixed::state},  // What it leaves of the last x87 operation differs between makers.
    {ZYDIS_MNEMONIC_FXSAVE64, Unfixed::state},
    {ZYDIS_MNEMONIC_XSAVE, Unfixed::state},
    {ZYDIS_MNEMONIC_XSAVE64, Unfixed::state},
    {ZYDIS_MNEMONIC_XSAVEC, Unfixed::state},
    {ZYDIS_MNEMONIC_XSAVEC64, Unfixed::state},
    {ZYDIS_MNEMONIC_XSAVEOPT, Unfixed::state},
    {ZYDIS_MNEMONIC_XSAVEOPT64, Unfixed::state},

    {ZYDIS_MNEMONIC_RCPPS, Unfixed::approximation},
    {ZYDIS_MNEMONIC_RCPSS, Unfixed::approximation},
    {ZYDIS_MNEMONIC_RSQRTPS, Unfixed::approximation},
    {ZYDIS_MNEMONIC_RSQRTSS, Unfixed::approximation},
    {ZYDIS_MNEMONIC_VRCPPS, Unfixed::approximation},
    {ZYDIS_MNEMONIC_VRCPSS, Unfixed::approximation},
    {ZYDIS_MNEMONIC_VRSQRTPS, Unfixed::approximation},
    {ZYDIS_MNEMONIC_VRSQRTSS, Unfixed::approximation},
    {ZYDIS_MNEMONIC_FSIN, Unfixed::approximation},
    {ZYDIS_MNEMONIC_FCOS, Unfixed::approximation},
    {ZYDIS_MNEMONIC_FSINCOS, Unfixed::approximation},
    {ZYDIS_MNEMONIC_FPTAN, Unfixed::approximation},
    {ZYDIS_MNEMONIC_FPATAN, Unfixed::approximation},
    {ZYDIS_MNEMONIC_F2XM1, Unfixed::approximation},
    {ZYDIS_MNEMONIC_FYL2X, Unfixed::approximation},
    {ZYDIS_MNEMONIC_FYL2XP1, Unfixed::approximation},
};

struct NeverReached {
  std::string_view symbol;
  Unfixed reason;
};

/// glibc 2.36 and its neighbours, linked statically.
constexpr NeverReached never_reached[] = {
    // Lazy binding saves registers and restores them. A static program has nothing to bind.
    {"_dl_runtime_resolve_fxsave", Unfixed::state},
    {"_dl_runtime_resolve_xsave", Unfixed::state},
    {"_dl_runtime_resolve_xsavec", Unfixed::state},
    {"_dl_tlsdesc_dynamic_fxsave", Unfixed::state},
    {"_dl_tlsdesc_dynamic_xsave", Unfixed::state},
    {"_dl_tlsdesc_dynamic_xsavec", Unfixed::state},
    // Elision of locks is for processors with transactions.
    {"__lll_lock_elision", Unfixed::transaction},
    {"__lll_trylock_elision", Unfixed::transaction},
};

/// GCC names clones of a function "name.constprop.0", "name.part.0.isra.0", …
std::string_view original_name(std::string_view symbol) {
  return symbol.substr(0, symbol.find('.'));
}

}  // namespace

std::string_view describe(Unfixed reason) {
  switch (reason) {
    case Unfixed::randomness: return "the processor's random numbers";
    case Unfixed::identity: return "tells which processor this is";
    case Unfixed::time: return "the processor's clock";
    case Unfixed::counters: return "reads counters of the processor";
    case Unfixed::transaction: return "a transaction that commits or not by chance";
    case Unfixed::wait: return "tells how long it waited";
    case Unfixed::hypervisor: return "is answered by what the machine runs on";
    case Unfixed::state: return "stores state in a way that depends on the processor";
    case Unfixed::approximation: return "an approximation that differs between makers of processors";
  }
  return "depends on the machine";
}

const Rule* rule_of(ZydisMnemonic mnemonic) {
  const auto* rule = std::ranges::find(rules, mnemonic, &Rule::mnemonic);
  return rule == std::end(rules) ? nullptr : rule;
}

bool is_never_reached(std::string_view symbol, Unfixed reason) {
  const auto name = original_name(symbol);
  return std::ranges::any_of(never_reached,
                             [&](const NeverReached& known) { return known.symbol == name && known.reason == reason; });
}

}  // namespace forgepool::machine_code
