/// orbit@1: many orbits of the logistic map, step by step, with a digest after each step over all that came before: two
/// machines that differ in the end can tell from which step on. Reads /in/params.json, writes /out/result.
#include "common/params.hpp"
#include "common/sha256.hpp"
#include "common/summary.hpp"

namespace {

constexpr std::uint64_t one = std::uint64_t{1} << 32;  // Places of points are from 0 to 1 in steps of 2^-32.

/// The place where orbit `index` begins.
std::uint64_t start_of(const std::string& seed, std::uint64_t index) {
  adapter_program::Sha256 hash;
  hash.add(seed + " " + std::to_string(index));
  const auto digest = hash.digest();
  std::uint64_t place = 0;
  for (std::size_t i = 0; i < 4; ++i) place = place << 8 | digest[i];
  return place;
}

/// rate · x · (1 - x), rounded down.
std::uint64_t next(std::uint64_t place, std::uint64_t rate) {
  const std::uint64_t product = place * (one - place) >> 32;  // At most a quarter of `one`.
  return std::min(product * rate / 1000, one - 1);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace adapter_program;
  const Folders folders = folders_from(argc, argv);
  const std::string text = read_file(folders.in + "/params.json");
  const Params params(text);
  const std::uint64_t begin = params.integer("range/begin"), end = params.integer("range/end");
  const std::uint64_t steps = params.integer("args/steps"), rate = params.integer("args/rate");
  std::vector<std::uint64_t> places;
  for (std::uint64_t index = begin; index < end; ++index) places.push_back(start_of(params.string("seed"), index));

  std::string list, last;
  for (std::uint64_t step = 0; step < steps; ++step) {
    Sha256 chain;
    chain.add(last);
    for (auto& place : places) {
      place = next(place, rate);
      for (int shift = 24; shift >= 0; shift -= 8) {
        const char byte = static_cast<char>(place >> shift);
        chain.add({&byte, 1});
      }
    }
    last = hex(chain.digest());
    list += (list.empty() ? "\"sha256:" : ",\"sha256:") + last + "\"";
  }
  Summary summary;
  for (const auto place : places) summary.add(place);
  std::string output = summary.json();
  output.insert(output.find(",\"sum\":"), ",\"steps\":[" + list + "]");
  write_file(folders.out + "/result", output);
}
