#include "sandbox/filter_compaction.hpp"
#include "sandbox/strict/layout.hpp"
#include "sandbox/strict/strict_filter.hpp"

#include "decide.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <linux/audit.h>
#include <linux/bpf_common.h>
#include <random>

namespace forgepool::sandbox {
namespace {

SeccompProgram filter_for(const SandboxPolicy& policy = {}) {
  auto compiled = compile_policy(policy);
  REQUIRE(compiled);
  return *compiled;
}

/// What could make a filter change its mind: everything that it compares with, and its neighbours.
std::vector<std::uint32_t> interesting_words(const SeccompProgram& program) {
  std::vector<std::uint32_t> words{0, 1, 2, 3, 255, 256, 0x7fffffff, 0x80000000, 0xffffffff};
  for (const auto& instruction : program) {
    if (BPF_CLASS(instruction.code) != BPF_JMP) continue;
    for (const auto word : {instruction.k - 1, instruction.k, instruction.k + 1}) words.push_back(word);
  }
  return words;
}

void check_equal(const SeccompProgram& program, std::uint64_t seed) {
  const auto smaller = compact(program);
  CHECK(smaller.size() < program.size());
  const auto words = interesting_words(program);
  std::mt19937_64 random(seed);
  const auto word = [&] { return words[random() % words.size()]; };
  std::vector<std::uint32_t> numbers = words;
  for (std::uint32_t number = 0; number < 600; ++number) numbers.push_back(number);
  for (const auto number : numbers) {
    for (int i = 0; i < 60; ++i) {
      seccomp_data data{};
      data.nr = static_cast<int>(number);
      data.arch = i < 56 ? AUDIT_ARCH_X86_64 : i == 56 ? AUDIT_ARCH_I386 : word();
      data.instruction_pointer = i % 2 == 0 ? strict::gate_instruction_pointer : random();
      for (auto& argument : data.args) argument = word() | static_cast<std::uint64_t>(i % 4 == 0 ? word() : 0) << 32;
      if (decide(smaller, data) == decide(program, data)) continue;
      INFO("call " << number << " of architecture " << data.arch << ", seed " << seed);
      CHECK(decide(smaller, data) == decide(program, data));
      return;
    }
  }
}

TEST_CASE("a compacted filter answers every call as before") {
  const auto seed = GENERATE(1u, 2u, 3u);
  check_equal(filter_for(), seed);
  for (const auto relaxation : sandbox_relaxations) check_equal(filter_for({relaxation}), seed);
  check_equal(filter_for(SandboxPolicy::all()), seed);
  check_equal(*strict::strict_filter(), seed);
}

TEST_CASE("a compacted filter is less than half of the strict one, and compacting it again changes nothing") {
  const auto strict = *strict::strict_filter();
  const auto smaller = compact(strict);
  CHECK(smaller.size() * 2 < strict.size());
  CHECK(compact(smaller).size() == smaller.size());
}

TEST_CASE("a filter that calculates with the number is left as it is") {
  const SeccompProgram odd = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),
                              BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 39, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                              BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)};
  const auto same = compact(odd);
  REQUIRE(same.size() == odd.size());
  for (std::size_t i = 0; i < odd.size(); ++i) CHECK(same[i].k == odd[i].k);
}

TEST_CASE("answers further away than a conditional jump reaches are found") {
  // Each number has an answer of its own.
  SeccompProgram table = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)};
  for (std::uint32_t number = 0; number < 700; ++number) {
    table.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
    table.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (number * 7919) % 800));
  }
  table.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const auto smaller = compact(table);
  for (int number = -1; number < 702; ++number) {
    seccomp_data data{};
    data.nr = number;
    data.arch = AUDIT_ARCH_X86_64;
    INFO("call " << number);
    CHECK(decide(smaller, data) == decide(table, data));
  }
}

}  // namespace
}  // namespace forgepool::sandbox
