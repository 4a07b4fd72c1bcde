#pragma once
/// Which system calls a program may make. An allow-list.
///
/// Three answers to a call:
/// - allowed;
/// - refused with an errno: what honest programs try, and do without. What is not named does not exist (ENOSYS), whichever
///   version of the kernel it comes from;
/// - violation, for what no honest program does: the call does not return. The kernel hands its number to the filter's listener
/// (SECCOMP_RET_USER_NOTIF), which the
///   supervisor holds; it notes the number and kills the box. The other ways to kill (RET_KILL, RET_TRAP) leave only "SIGSYS"
///   as an exit status, or a number that the program itself could forge in a handler; this one it can neither see nor prevent.
///
/// Calls of other ABIs (int 0x80, x32) are violations whatever their number.
#include <forgepool/sandbox.hpp>

#include <linux/filter.h>

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace forgepool::sandbox {

/// A filter in the form that the kernel takes, compiled once and installed many times.
using SeccompProgram = std::vector<sock_filter>;

/// Collects rules, then compiles them. Names are those of x86-64 system calls; a name that the installed libseccomp does not
/// know is left out when it only would have been refused or allowed.
class SeccompPolicyBuilder {
 public:
  /// A rule on one argument: `(argument & mask) == value`, value within the mask, or with `not_zero` `argument != 0`. All
  /// conditions of a rule together.
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
  SeccompPolicyBuilder& violation(std::string_view name);
  SeccompPolicyBuilder& violation_if(std::string_view name, std::vector<Condition> conditions);
  /// The answer when none of the call's conditions holds; without it, the call does not exist.
  SeccompPolicyBuilder& otherwise_refuse(std::string_view name, int error);
  SeccompPolicyBuilder& otherwise_violation(std::string_view name);

  /// Of the rules that allow, drops those for other calls than these.
  SeccompPolicyBuilder& allow_only(const std::set<std::uint32_t>& numbers);

  /// `unsupported` if libseccomp cannot express it.
  Result<SeccompProgram> compile() const;

 private:
  struct Rule {
    std::string name;
    std::uint32_t action = 0;
    std::vector<Condition> conditions;
  };
  SeccompPolicyBuilder& add(Rule rule);
  SeccompProgram compile_conditional() const;
  Result<SeccompProgram> compile_others() const;

  std::vector<Rule> rules_;
  std::map<std::string, std::uint32_t, std::less<>> otherwise_;  ///< Action by name.
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
