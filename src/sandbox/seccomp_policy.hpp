#pragma once
/// Which system calls a program may make. An allow-list: what is not named is a violation and ends the run.
///
/// Three answers to a call:
/// - allowed;
/// - refused with an errno: calls that C libraries and language run-times make to find out whether something exists, and that
/// do
///   no harm by asking;
/// - violation: the call does not return. The kernel hands its number to the filter's listener (SECCOMP_RET_USER_NOTIF), which
/// the
///   supervisor holds; it notes the number and kills the box. The other ways to kill (RET_KILL, RET_TRAP) leave only "SIGSYS"
///   as an exit status, or a number that the program itself could forge in a handler; this one it can neither see nor prevent.
///
/// Calls of other ABIs (int 0x80, x32) are violations whatever their number.
#include <forgepool/sandbox.hpp>

#include <linux/filter.h>

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace forgepool::sandbox {

/// A filter in the form that the kernel takes, compiled once and installed many times.
using SeccompProgram = std::vector<sock_filter>;

/// Collects rules, then compiles them. Names are those of x86-64 system calls; a name that the installed libseccomp does not
/// know is left out when it only would have been refused or allowed.
class SeccompPolicyBuilder {
 public:
  /// A rule on one argument: `(argument & mask) == value`, or with `not_zero` `argument != 0`. All conditions of a rule
  /// together.
  struct Condition {
    unsigned argument;
    std::uint64_t mask;
    std::uint64_t value;
    bool not_zero = false;
  };

  /// What every program needs: memory, files below its root, threads, clocks, signals to itself; and what the policy's
  /// relaxations add.
  static SeccompPolicyBuilder for_programs(const SandboxPolicy& policy = {});

  SeccompPolicyBuilder& allow(std::string_view name);
  SeccompPolicyBuilder& allow_if(std::string_view name, std::vector<Condition> conditions);
  SeccompPolicyBuilder& refuse(std::string_view name, int error);
  SeccompPolicyBuilder& refuse_if(std::string_view name, std::vector<Condition> conditions, int error);
  SeccompPolicyBuilder& refuse_number(int number, int error);

  /// `unsupported` if libseccomp cannot express it.
  Result<SeccompProgram> compile() const;

 private:
  struct Rule {
    std::string name;  ///< Empty: by number.
    int number = -1;
    std::uint32_t action = 0;
    std::vector<Condition> conditions;
  };
  SeccompPolicyBuilder& add(Rule rule);

  std::vector<Rule> rules_;
};

/// The filter for a policy.
Result<SeccompProgram> compile_policy(const SandboxPolicy& policy);

/// Filters, compacted, each compiled when it is first asked for. Thread-safe.
class PolicyFilters {
 public:
  /// Valid as long as this object. Errors as of compile_policy.
  Result<const SeccompProgram*> get(const SandboxPolicy& policy) const;

 private:
  mutable std::mutex mutex_;
  mutable std::map<SandboxPolicy, SeccompProgram> filters_;  // guarded by mutex_
};

/// "ptrace"; for other ABIs "getpid (x32)" or "32-bit call 20". For the detail of `policy_violation`.
std::string system_call_name(std::uint32_t audit_architecture, int number);

}  // namespace forgepool::sandbox
