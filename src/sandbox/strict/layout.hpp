#pragma once
/// Where things lie in the address space of a strict program, the same on every machine and in every run. Nothing is left to
/// the kernel: its choices depend on its version, on limits of the agent, and on chance.
///
///     program              where its headers say, or from program_base on; its heap (brk) behind it
///     resident_begin …     the supervisor's part: gate, clock page, virtual vDSO, stacks of the handlers, code
///     … resident_end
///     … arena_top          what the program maps, downwards
///     … stack_top          its stack
///
/// Usable without the standard library.
#include <forgepool/program_surroundings.hpp>

#include <cstdint>

namespace forgepool::sandbox::strict {

constexpr std::uint64_t page_size = 4096;

constexpr std::uint64_t program_base = 0x5555'5555'4000;  ///< Of position-independent programs.
constexpr std::uint64_t program_end = 0x5d00'0000'0000;   ///< The program and its heap lie below.

constexpr std::uint64_t resident_begin = 0x5e00'0000'0000;
/// What serves to start the program is in one piece, and given up in one piece when it begins: the plan, and at the end the
/// stack of the loader and a page that the box's first process shares with the program's.
constexpr std::uint64_t loader_begin = 0x5e00'0000'0000;
constexpr std::uint64_t plan_address = loader_begin;
constexpr std::uint64_t loader_stack_address = 0x5eff'0000'0000;
constexpr std::uint64_t loader_stack_size = 64 << 10;
constexpr std::uint64_t shared_address = 0x5eff'1000'0000;
constexpr std::uint64_t run_address = 0x5eff'2000'0000;
constexpr std::uint64_t loader_end = 0x5f00'0000'0000;

/// One `syscall` instruction, the only one from which calls that are otherwise trapped are let through.
constexpr std::uint64_t gate_address = 0x5ff0'0000'0000;
/// The address that the kernel reports for a call from there: the instruction has two bytes.
constexpr std::uint64_t gate_instruction_pointer = gate_address + 2;
/// Behind it, where handlers return to: rt_sigreturn, let through from there alone.
constexpr std::uint64_t handler_return_address = gate_address + 16;
constexpr std::uint64_t handler_return_instruction_pointer = handler_return_address + 7;
constexpr std::uint64_t world_address = 0x5ff0'1000'0000;
constexpr std::uint64_t vdso_address = 0x5ff0'2000'0000;
constexpr std::uint64_t handler_stack_address = 0x5ff0'3000'0000;
constexpr std::uint64_t handler_stack_size = 256 << 10;
constexpr std::uint64_t kept_states_address = handler_stack_address + handler_stack_size;  ///< In one piece with the stack.
constexpr std::uint64_t kept_states_size = 256 << 10;
/// Which instructions of the program were rewritten: RewrittenInstruction[], read-only.
constexpr std::uint64_t rewritten_address = 0x5ff0'4000'0000;
constexpr std::uint64_t listing_address = 0x5ff0'5000'0000;
constexpr std::uint64_t listing_size = 8 << 20;  ///< Room for any directory: the file systems have few inodes.
constexpr std::uint64_t code_address = 0x6000'0000'0000;
constexpr std::uint64_t resident_end = 0x6001'0000'0000;

constexpr std::uint64_t arena_bottom = 0x6100'0000'0000;
constexpr std::uint64_t arena_top = 0x7fff'f7ff'f000;
constexpr std::uint64_t stack_top = 0x7fff'ffff'f000;
constexpr std::uint64_t stack_size = 8 << 20;
constexpr std::uint64_t address_space_end = 0x7fff'ffff'f000;

/// What the parts above take of the address space beside the program's own.
constexpr std::uint64_t resident_bytes = 32 << 20;

/// The program's process, in its pid namespace, and the stem that it is forked from.
constexpr int program_pid = surroundings::process;
constexpr int stem_pid = 3;

/// Descriptors from here on may stand for the random devices: reads of them are looked at.
constexpr int first_watched_fd = 240;

}  // namespace forgepool::sandbox::strict
