#include "sandbox/seccomp_policy.hpp"

#include "sandbox/box_plan.hpp"
#include "sandbox/filter_compaction.hpp"
#include "sandbox/strict/bpf_assembler.hpp"
#include "sandbox/strict/stem_filter.hpp"
#include "sandbox/unique_fd.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace forgepool::sandbox {
namespace {

struct ReleaseContext {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, ReleaseContext>;

constexpr int x32_bit = 0x40000000;

Result<SeccompProgram> export_program(const Context& context) {
  UniqueFd file(memfd_create("forgepool-seccomp", MFD_CLOEXEC));
  if (!file)
    return fail(ErrorKind::internal, std::string("no memory file for the system-call filter: ") + std::strerror(errno));
  if (const int error = seccomp_export_bpf(context.get(), file.get()); error != 0)
    return fail(ErrorKind::unsupported, std::string("libseccomp could not compile the filter: ") + std::strerror(-error));
  const auto size = lseek(file.get(), 0, SEEK_END);
  SeccompProgram program(static_cast<std::size_t>(size) / sizeof(sock_filter));
  const auto bytes = program.size() * sizeof(sock_filter);
  if (size <= 0 || program.size() > BPF_MAXINSNS || pread(file.get(), program.data(), bytes, 0) != size)
    return fail(ErrorKind::internal, "libseccomp's filter has an impossible size: " + std::to_string(size));
  return program;
}

/// Below zero for one that the installed libseccomp does not know.
int number_of(const std::string& name) {
  return seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name.c_str());
}

void add_condition(strict::BpfAssembler& bpf, const SeccompPolicyBuilder::Condition& condition,
                   strict::BpfAssembler::Label otherwise) {
  const auto low = strict::word_of_argument(condition.argument, 0), high = strict::word_of_argument(condition.argument, 1);
  if (condition.not_zero) {
    const auto holds = bpf.new_label();
    bpf.load(low);
    bpf.jump_unless_equal(0, holds);
    bpf.load(high);
    bpf.jump_if_equal(0, otherwise);
    return bpf.place(holds);
  }
  for (const auto& [word, shift] : {std::pair(low, 0), std::pair(high, 32)}) {
    const auto mask = static_cast<std::uint32_t>(condition.mask >> shift);
    if (mask == 0) continue;
    bpf.load(word);
    if (mask != ~0u) bpf.mask(mask);
    bpf.jump_unless_equal(static_cast<std::uint32_t>(condition.value >> shift), otherwise);
  }
}

std::string name_of_native(int number) {
  char* name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, number);
  std::string result = name ? name : "call " + std::to_string(number);
  std::free(name);
  return result;
}

}  // namespace

SeccompPolicyBuilder& SeccompPolicyBuilder::add(Rule rule) {
  rules_.push_back(std::move(rule));
  return *this;
}
SeccompPolicyBuilder& SeccompPolicyBuilder::allow(std::string_view name) {
  return add({std::string(name), SCMP_ACT_ALLOW, {}});
}
SeccompPolicyBuilder& SeccompPolicyBuilder::allow_if(std::string_view name, std::vector<Condition> conditions) {
  return add({std::string(name), SCMP_ACT_ALLOW, std::move(conditions)});
}
SeccompPolicyBuilder& SeccompPolicyBuilder::refuse(std::string_view name, int error) {
  return add({std::string(name), SCMP_ACT_ERRNO(static_cast<std::uint16_t>(error)), {}});
}
SeccompPolicyBuilder& SeccompPolicyBuilder::refuse_if(std::string_view name, std::vector<Condition> conditions, int error) {
  return add({std::string(name), SCMP_ACT_ERRNO(static_cast<std::uint16_t>(error)), std::move(conditions)});
}
SeccompPolicyBuilder& SeccompPolicyBuilder::violation(std::string_view name) {
  return add({std::string(name), SCMP_ACT_NOTIFY, {}});
}
SeccompPolicyBuilder& SeccompPolicyBuilder::violation_if(std::string_view name, std::vector<Condition> conditions) {
  return add({std::string(name), SCMP_ACT_NOTIFY, std::move(conditions)});
}
SeccompPolicyBuilder& SeccompPolicyBuilder::otherwise_refuse(std::string_view name, int error) {
  otherwise_[std::string(name)] = SCMP_ACT_ERRNO(static_cast<std::uint16_t>(error));
  return *this;
}
SeccompPolicyBuilder& SeccompPolicyBuilder::otherwise_violation(std::string_view name) {
  otherwise_[std::string(name)] = SCMP_ACT_NOTIFY;
  return *this;
}

SeccompPolicyBuilder& SeccompPolicyBuilder::allow_only(const std::set<std::uint32_t>& numbers) {
  std::erase_if(rules_, [&](const Rule& rule) {
    return rule.action == SCMP_ACT_ALLOW && !numbers.contains(static_cast<std::uint32_t>(number_of(rule.name)));
  });
  return *this;
}

/// libseccomp has one answer for all calls that no rule fits. These calls have one of their own, so we compile them: in front
/// of what it makes of the rest.
SeccompProgram SeccompPolicyBuilder::compile_conditional() const {
  strict::BpfAssembler bpf;
  const auto rest = bpf.new_label();
  bpf.load(offsetof(seccomp_data, arch));
  bpf.jump_unless_equal(AUDIT_ARCH_X86_64, rest);
  for (const auto& [name, otherwise] : otherwise_) {
    const auto other_call = bpf.new_label();
    bpf.load(offsetof(seccomp_data, nr));
    bpf.jump_unless_equal(static_cast<std::uint32_t>(number_of(name)), other_call);
    for (const auto& rule : rules_) {
      if (rule.name != name) continue;
      const auto does_not_fit = bpf.new_label();
      for (const auto& condition : rule.conditions) add_condition(bpf, condition, does_not_fit);
      bpf.finish(rule.action);
      bpf.place(does_not_fit);
    }
    bpf.finish(otherwise);
    bpf.place(other_call);
  }
  bpf.place(rest);
  return bpf.assemble();
}

Result<SeccompProgram> SeccompPolicyBuilder::compile_others() const {
  Context context(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)));
  if (!context) return fail(ErrorKind::unsupported, "libseccomp could not start a filter");
  seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_NOTIFY);
  // A binary tree over the numbers instead of a list: a call passes some ten comparisons instead of two hundred.
  seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  for (const auto& rule : rules_) {
    const int number = number_of(rule.name);
    if (number < 0 || otherwise_.contains(rule.name) || rule.action == SCMP_ACT_ERRNO(ENOSYS)) continue;
    std::vector<scmp_arg_cmp> comparisons;
    for (const auto& condition : rule.conditions) {
      if (condition.not_zero)
        comparisons.push_back({condition.argument, SCMP_CMP_NE, 0, 0});
      else
        comparisons.push_back({condition.argument, SCMP_CMP_MASKED_EQ, condition.mask, condition.value});
    }
    const int error = seccomp_rule_add_array(context.get(), rule.action, number, static_cast<unsigned>(comparisons.size()),
                                             comparisons.empty() ? nullptr : comparisons.data());
    if (error != 0)
      return fail(ErrorKind::unsupported, "libseccomp refused the rule for \"" + rule.name + "\" (" + std::to_string(number) +
                                              "): " + std::strerror(-error));
  }
  return export_program(context);
}

Result<SeccompProgram> SeccompPolicyBuilder::compile() const {
  auto others = compile_others();
  if (!others) return fail(others.error());
  auto program = compile_conditional();
  program.insert(program.end(), others->begin(), others->end());
  return program;
}

Result<SeccompProgram> compile_policy(const SandboxPolicy& policy) {
  auto builder = SeccompPolicyBuilder::for_programs(policy);
  return builder.compile();
}

Result<const SeccompProgram*> PolicyFilters::get(const SandboxPolicy& policy) const {
  const std::lock_guard lock(mutex_);
  auto found = filters_.find(policy);
  if (found == filters_.end()) {
    auto compiled = compile_policy(policy);
    if (!compiled) return fail(compiled.error());
    found = filters_.emplace(policy, compact(*compiled)).first;
  }
  return &found->second;
}

std::string system_call_name(std::uint32_t audit_architecture, int number) {
  if (audit_architecture != AUDIT_ARCH_X86_64) return "32-bit call " + std::to_string(number);
  if ((number & x32_bit) != 0 && number != -1) return name_of_native(number & ~x32_bit) + " (x32)";
  return name_of_native(number);
}

}  // namespace forgepool::sandbox
