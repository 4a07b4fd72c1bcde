#pragma once
/// Four calls in front of the filter of strict programs, for the processes that are on their way to becoming one. The stem
/// (box_init/stem.hpp) has the program's filter already, because its forks have it from their first instruction on: a fork can
/// be made in a fraction of the time that installing a filter takes. But it has to fork, and a fork has to give up what the
/// stem has. Those calls are let through for who shows the token: 128 bits in the last two arguments, which none of them has a
/// use for.
///
/// Why no program gets through here:
/// - The stem draws the token from the kernel just before it installs the filter, for this box alone. It is in the stem's
///   memory, in the kernel's copy of the filter, and in nothing that anybody sends.
/// - A fork begins its program with all registers zero, and without the memory that the token was in: both are the work of the
///   same few instructions (jump() in box_init/strict_run.cpp). Nothing of the stem's is shared with it.
/// - What the stem has in memory nobody else can read: there is no /proc, tracing and reading others' memory are violations,
///   and the stem cannot be dumped. The kernel shows a filter to nobody but a tracer with powers over the whole machine.
/// - So it would have to be guessed. That is 2^127 attempts.
///
/// The part that patches is usable without the standard library.
#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstddef>
#include <cstdint>

namespace forgepool::sandbox::strict {

struct StemToken {
  std::uint64_t fifth;  ///< The call's fifth argument…
  std::uint64_t sixth;  ///< … and its sixth.
};

constexpr std::uint32_t word_of_argument(unsigned argument, unsigned half) {
  return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t) +
                                    half * sizeof(std::uint32_t));
}

/// Goes on with what comes behind it for everybody else. The token's four words are put in later.
constexpr sock_filter stem_calls[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 14),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone3, 3, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_capset, 2, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_setpgid, 1, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_prlimit64, 0, 9),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, word_of_argument(4, 0)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 7),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, word_of_argument(4, 1)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 5),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, word_of_argument(5, 0)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, word_of_argument(5, 1)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
constexpr std::uint32_t stem_call_count = sizeof stem_calls / sizeof stem_calls[0];
constexpr std::size_t token_words[] = {8, 10, 12, 14};

/// Into a filter that begins with stem_calls.
inline void put_token(sock_filter* filter, const StemToken& token) {
  filter[token_words[0]].k = static_cast<std::uint32_t>(token.fifth);
  filter[token_words[1]].k = static_cast<std::uint32_t>(token.fifth >> 32);
  filter[token_words[2]].k = static_cast<std::uint32_t>(token.sixth);
  filter[token_words[3]].k = static_cast<std::uint32_t>(token.sixth >> 32);
}

}  // namespace forgepool::sandbox::strict
