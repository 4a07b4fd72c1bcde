// fuzz [--seconds N | --rounds N] [--seed N] [TARGET…]     bends the targets' seeds and feeds them to their parsers
// fuzz --input FILE TARGET                                 one input, as a crash left it
// fuzz --list
//
// With the seed that is printed a run with --rounds repeats itself. Built by the preset "fuzz", --seconds lets coverage guide
// it (guided.hpp).
#include "guided.hpp"
#include "targets.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include <catch2/catch_session.hpp>
#include <catch2/catch_test_macros.hpp>

#include <memory>

using namespace forgepool;
using fuzz::Target;

namespace {

const Bytes* current_input = nullptr;
const char* current_target = "";

// The last words of a crash: what caused it, to be given to --input.
void crashed(int signal_number) {
  std::fprintf(stderr, "CRASH in %s (signal %d)\n", current_target, signal_number);
  if (current_input) {
    const std::string path = std::string("fuzz-crash-") + current_target + ".bin";
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(current_input->data()), static_cast<std::streamsize>(current_input->size()));
    std::fprintf(stderr, "the input is in %s: fuzz --input %s %s\n", path.c_str(), path.c_str(), current_target);
  }
  std::signal(signal_number, SIG_DFL);
  std::raise(signal_number);
}

std::vector<Target> targets;

class Mutator {
 public:
  Mutator(const Target& target, std::uint64_t seed) : target_(target), random_(seed) {}

  Bytes next() {
    Bytes bytes = target_.seeds[below(target_.seeds.size())];
    for (std::size_t edits = 1 + below(below(4) == 0 ? 16 : 4); edits > 0; --edits) edit(bytes);
    if (bytes.size() > max_bytes) bytes.resize(max_bytes);
    return bytes;
  }

 private:
  static constexpr std::size_t max_bytes = 1u << 20;

  std::size_t below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(random_() % n); }
  std::uint8_t byte() {
    static constexpr std::uint8_t telling[] = {0,   1,   0x7f, 0x80, 0xff, '"', '\\', '{',  '}', '[', ']',
                                               ',', ':', '.',  '-',  '0',  '9', 'e',  '\n', ' ', '/', '='};
    return below(2) ? telling[below(std::size(telling))] : static_cast<std::uint8_t>(random_());
  }

  void edit(Bytes& bytes) {
    const std::size_t at = below(bytes.size() + 1),
                      length = std::min(below(below(8) == 0 ? 4096 : 24), bytes.size() - std::min(at, bytes.size()));
    const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at), end = begin + static_cast<std::ptrdiff_t>(length);
    switch (below(8)) {
      case 0:
        if (at < bytes.size()) bytes[at] ^= static_cast<std::uint8_t>(1u << below(8));
        break;
      case 1:
        if (at < bytes.size()) bytes[at] = byte();
        break;
      case 2: bytes.erase(begin, end); break;
      case 3: {
        const Bytes piece(begin, end);
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(below(bytes.size() + 1)), piece.begin(), piece.end());
        break;
      }
      case 4: bytes.insert(begin, 1 + below(24), byte()); break;
      case 5: bytes.resize(at); break;
      case 6: {  // A number, in either byte order.
        static constexpr std::uint64_t numbers[] = {0,      1,       0x7f,       0xff,       0x100,      0x7fff,
                                                    0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff, ~std::uint64_t{}};
        const std::uint64_t number = numbers[below(std::size(numbers))];
        const std::size_t width = std::size_t{1} << below(4);
        const bool little = below(2) != 0;
        for (std::size_t i = 0; i < width && at + i < bytes.size(); ++i)
          bytes[at + i] = static_cast<std::uint8_t>(number >> 8 * (little ? i : width - 1 - i));
        break;
      }
      default: {  // The end of another one.
        const Bytes& other = target_.seeds[below(target_.seeds.size())];
        const std::size_t from = below(other.size() + 1);
        bytes.resize(at);
        bytes.insert(bytes.end(), other.begin() + static_cast<std::ptrdiff_t>(from), other.end());
      }
    }
  }

  const Target& target_;
  std::mt19937_64 random_;
};

bool feed(const Target& target, const Bytes& input) {
  current_input = &input;
  // A copy of exactly this size, so that a sanitizer sees the first byte read beyond it.
  const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[input.size() + 1]);
  std::copy(input.begin(), input.end(), exact.get() + 1);
  const bool accepted = target.run({exact.get() + 1, input.size()});
  current_input = nullptr;
  return accepted;
}

bool run(const Target& target, std::uint64_t seed, double seconds, std::uint64_t rounds) {
  current_target = target.name.c_str();
  for (const Bytes& input : target.seeds)
    if (!feed(target, input)) return std::fprintf(stderr, "%s: a seed is not accepted\n", target.name.c_str()), false;
  Mutator mutator(target, seed);
  std::uint64_t done = 0, accepted = 0;
  const auto start = std::chrono::steady_clock::now();
  const auto passed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  while (rounds != 0 ? done < rounds : done % 64 != 0 || passed() < seconds) {
    accepted += feed(target, mutator.next());
    ++done;
  }
  std::printf("%-20s %9llu inputs, %8llu accepted, %5.1f s\n", target.name.c_str(), static_cast<unsigned long long>(done),
              static_cast<unsigned long long>(accepted), passed());
  return true;
}

int usage() {
  return std::fputs("usage: fuzz [--seconds N | --rounds N] [--seed N] [--input FILE] [--list] [TARGET…]\n", stderr), 2;
}

}  // namespace

TEST_CASE("seeds") {
  targets = fuzz::all_targets();
}

int main(int argc, char** argv) {
  double seconds = 60;
  std::uint64_t rounds = 0, seed = std::random_device{}();
  std::string input;
  bool list = false;
  std::vector<std::string> names;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool has_value = i + 1 < argc;
    if (argument == "--list")
      list = true;
    else if (argument == "--seconds" && has_value)
      seconds = std::atof(argv[++i]);
    else if (argument == "--rounds" && has_value)
      rounds = std::strtoull(argv[++i], nullptr, 10);
    else if (argument == "--seed" && has_value)
      seed = std::strtoull(argv[++i], nullptr, 10);
    else if (argument == "--input" && has_value)
      input = argv[++i];
    else if (argument.starts_with("-"))
      return usage();
    else
      names.push_back(argument);
  }
  // Seeds are made with what the tests make things with, which wants to be in a test.
  const char* const session[] = {argv[0], "--reporter=compact", "--out=/dev/null"};
  if (Catch::Session().run(3, session) != 0) return std::fputs("the seeds could not be made\n", stderr), 1;
  for (const int signal_number : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS, SIGILL}) std::signal(signal_number, crashed);

  const auto wanted = [&](const Target& target) {
    return names.empty() || std::ranges::find(names, target.name) != names.end();
  };
  for (const auto& name : names)
    if (std::ranges::find(targets, name, &Target::name) == targets.end())
      return std::fprintf(stderr, "no such target: %s\n", name.c_str()), 2;
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  bool all = true;
  for (const auto& target : targets) {
    if (!wanted(target)) continue;
    if (list) {
      std::printf("%s\n", target.name.c_str());
    } else if (!input.empty()) {
      std::ifstream file(input, std::ios::binary);
      current_target = target.name.c_str();
      std::printf("%s: %s\n", target.name.c_str(),
                  feed(target, Bytes(std::istreambuf_iterator<char>(file), {})) ? "accepted" : "refused");
    } else if (rounds == 0 && fuzz::coverage_guides) {
      current_target = target.name.c_str();
      all = fuzz::run_guided(target, seed, seconds) && all;
    } else {
      all = run(target, seed, seconds, rounds) && all;
    }
  }
  return all ? 0 : 1;
}
