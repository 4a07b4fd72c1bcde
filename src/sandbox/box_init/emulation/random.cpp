/// Random numbers that follow from the run's seed: xoshiro256** (Blackman and Vigna, 2018). Nothing here is secret, the seed
/// least of all; what counts is that everybody gets the same.
#include "sandbox/box_init/emulation/emulation.hpp"

namespace forgepool::sandbox::box_init {
namespace {

std::uint64_t rotated(std::uint64_t value, int by) {
  return value << by | value >> (64 - by);
}

std::uint64_t next_random(std::uint64_t (&state)[4]) {
  const std::uint64_t result = rotated(state[1] * 5, 7) * 9;
  const std::uint64_t shifted = state[1] << 17;
  state[2] ^= state[0];
  state[3] ^= state[1];
  state[1] ^= state[2];
  state[0] ^= state[3];
  state[2] ^= shifted;
  state[3] = rotated(state[3], 45);
  return result;
}

}  // namespace

void seed_random(const std::uint8_t (&seed)[32]) {
  auto& state = strict::world().random;
  for (int i = 0; i < 32; ++i) {
    if (i % 8 == 0) state[i / 8] = 0;
    state[i / 8] |= static_cast<std::uint64_t>(seed[i]) << (i % 8 * 8);
  }
  // All zeros is the one state that it never leaves.
  if ((state[0] | state[1] | state[2] | state[3]) == 0) state[0] = 1;
  // A seed with few bits set gives a dozen numbers with few bits set.
  for (int i = 0; i < 32; ++i) next_random(state);
}

void take_random(void* target, std::size_t size) {
  auto* bytes = static_cast<std::uint8_t*>(target);
  while (size > 0) {
    std::uint64_t number = next_random(strict::world().random);
    const std::size_t part = size < 8 ? size : 8;
    for (std::size_t i = 0; i < part; ++i, number >>= 8) bytes[i] = static_cast<std::uint8_t>(number);
    bytes += part;
    size -= part;
  }
}

}  // namespace forgepool::sandbox::box_init
