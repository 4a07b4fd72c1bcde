#pragma once
/// Damaged copies of something signed: every prefix, every flipped bit, bytes appended; random edits; and the same in another
/// spelling.
#include "../../support/json_variants.hpp"

#include <forgepool/bytes.hpp>

#include <catch2/catch_get_random_seed.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <random>
#include <string>

namespace forgepool::test {

/// Calls `refused(damaged)` for each; it must be true for all. `step` thins out the flipped bits of long texts.
template <class Refused>
void for_each_damage(const std::string& original, Refused refused, std::size_t step = 1) {
  std::string damaged;
  bool all = true;
  const auto check = [&](std::string_view what, std::size_t at) {
    if (refused(damaged)) return;
    all = false;
    UNSCOPED_INFO("accepted with " << what << " at " << at);
  };
  for (std::size_t size = 0; size < original.size(); size += step) {
    damaged = original.substr(0, size);
    check("the end cut off", size);
  }
  for (std::size_t bit = 0; bit < original.size() * 8; bit += step) {
    damaged = original;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    check("a bit flipped", bit);
  }
  for (const char c : {'\0', ' ', '\n', '=', 'A'}) {
    damaged = original + c;
    check("a byte appended", static_cast<std::size_t>(static_cast<unsigned char>(c)));
  }
  CHECK(all);
}

/// Changes one thing after the other in a statement. What is still read, another salt for example, must be what is written of
/// it: then nothing has two spellings, and nothing stands there unread.
template <class Read, class Write>
void check_one_spelling(const std::string& statement, Read read, Write write) {
  std::size_t accepted = 0, all = 0;
  for (const auto& [what, changed] : json_variants(*json::parse(statement, statement.size()))) {
    const auto taken = read(changed);
    ++all;
    if (!taken || changed == statement) continue;
    ++accepted;
    if (write(*taken) != changed) FAIL_CHECK(what << " makes no difference");
  }
  CHECK(accepted > 0);
  CHECK(accepted < all / 10);
}

/// `rounds` copies with random bytes changed, cut out, doubled and put in: other lengths and structures than flipped bits give.
template <class Refused>
void for_each_mutation(const std::string& original, int rounds, Refused refused) {
  std::mt19937 random(Catch::getSeed());  // Printed by the test program; --rng-seed repeats it.
  const auto below = [&](std::size_t n) { return n == 0 ? 0 : random() % n; };
  for (int round = 0; round < rounds; ++round) {
    std::string mutated = original;
    for (std::size_t edits = 1 + below(4); edits > 0; --edits) {
      const std::size_t at = below(mutated.size()), length = std::min(below(24), mutated.size() - at);
      switch (below(4)) {
        case 0:
          if (!mutated.empty()) mutated[at] = static_cast<char>(random());
          break;
        case 1: mutated.erase(at, length); break;
        case 2: mutated.insert(at, mutated.substr(at, length)); break;
        default: mutated.insert(at, length, static_cast<char>(random())); break;
      }
    }
    if (mutated != original && !refused(mutated))
      FAIL_CHECK("a mutation was accepted in round " << round << ": " << to_hex(as_bytes(mutated)));
  }
}

}  // namespace forgepool::test
