#include "sandbox/strict/processor.hpp"

#include "machine_code/rewritten_instruction.hpp"
#include "sandbox/box_init/emulation/emulation.hpp"
#include "sandbox/box_init/emulation/processor.hpp"

namespace forgepool::sandbox::box_init {
namespace {

using machine_code::Question;
using machine_code::RewrittenInstruction;
using strict::world;

const RewrittenInstruction* find(std::uint64_t address) {
  const auto* table = reinterpret_cast<const RewrittenInstruction*>(strict::rewritten_address);
  std::uint64_t first = 0, count = world().rewritten_count;
  while (count > 0) {
    const auto half = count / 2;
    if (table[first + half].address < address)
      first += half + 1, count -= half + 1;
    else
      count = half;
  }
  return first < world().rewritten_count && table[first].address == address ? table + first : nullptr;
}

/// Where the kernel keeps a register, numbered as in encodings: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, …
std::uint64_t& named(std::uint64_t* registers, unsigned number) {
  switch (number) {
    case 0: return registers[rax];
    case 1: return registers[rcx];
    case 2: return registers[rdx];
    case 3: return registers[rbx];
    case 4: return registers[rsp];
    case 5: return registers[rbp];
    case 6: return registers[rsi];
    case 7: return registers[rdi];
    default: return registers[r8 + (number - 8) % 8];
  }
}

void put(std::uint64_t* registers, const RewrittenInstruction& instruction, std::uint64_t value) {
  auto& target = named(registers, instruction.target);
  switch (instruction.bits) {
    case 16: target = (target & ~0xffffull) | (value & 0xffff); break;
    case 32: target = value & 0xffff'ffff; break;  // As everywhere in 64-bit mode, the upper half becomes 0.
    default: target = value;
  }
}

/// They count nanoseconds, as a processor of 1 GHz would.
void put_time(std::uint64_t* registers) {
  const auto now = strict::look_at_clock();
  registers[rax] = now & 0xffff'ffff;
  registers[rdx] = now >> 32;
}

void put_random(std::uint64_t* registers, const RewrittenInstruction& instruction) {
  std::uint64_t number = 0;
  take_random(&number, sizeof number);
  put(registers, instruction, number);
  constexpr std::uint64_t carry = 0x001, cleared = 0x8d4;  // PF, AF, ZF, SF, OF. There is always a number.
  registers[flags] = (registers[flags] & ~cleared) | carry;
}

void put_processor(std::uint64_t* registers) {
  const auto answer =
      strict::processor_answer(static_cast<std::uint32_t>(registers[rax]), static_cast<std::uint32_t>(registers[rcx]));
  registers[rax] = answer.eax;
  registers[rbx] = answer.ebx;
  registers[rcx] = answer.ecx;
  registers[rdx] = answer.edx;
}

}  // namespace

bool answer_for_processor(std::uint64_t* registers) {
  const auto* instruction = find(registers[rip]);
  if (!instruction) return false;
  switch (instruction->question) {
    case Question::time_stamp_and_processor: registers[rcx] = 0; [[fallthrough]];
    case Question::time_stamp: put_time(registers); break;
    case Question::processor: put_processor(registers); break;
    case Question::extended_state:
      // There is one such register.
      registers[rax] = static_cast<std::uint32_t>(registers[rcx]) == 0 ? strict::extended_state : 0;
      registers[rdx] = 0;
      break;
    case Question::random: put_random(registers, *instruction); break;
    case Question::processor_number: put(registers, *instruction, 0); break;
    case Question::none: return false;
  }
  registers[rip] += instruction->length;
  return true;
}

}  // namespace forgepool::sandbox::box_init
