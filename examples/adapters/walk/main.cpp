/// walk@1: random walks, of each the number of steps that went to the right. Its random numbers are the machine's and not the
/// shard's seed's: replicas differ, and the manifest says how far samples of one distribution may. Reads /in/params.json,
/// writes /out/result.
#include "common/params.hpp"
#include "common/philox.hpp"
#include "common/summary.hpp"

#include <sys/random.h>

namespace {

using namespace adapter_program;

/// What no other run has, in this sandbox or another.
StreamSeed fresh_seed() {
  std::uint32_t words[3];
  if (::getrandom(words, sizeof words, 0) != sizeof words) give_up("the machine gives no random numbers");
  return {{words[0], words[1]}, words[2]};
}

std::uint64_t steps_to_the_right(IterationStream stream, std::uint64_t length, std::uint64_t thousandths) {
  const std::uint64_t bound = (thousandths << 53) / 1000;
  std::uint64_t right = 0;
  for (std::uint64_t step = 0; step < length; ++step) right += stream.next() >> 11 < bound;
  return right;
}

}  // namespace

int main(int argc, char** argv) {
  const Folders folders = folders_from(argc, argv);
  const std::string text = read_file(folders.in + "/params.json");
  const Params params(text);
  const std::uint64_t begin = params.integer("range/begin"), end = params.integer("range/end");
  const std::uint64_t length = params.integer("args/length"), right = params.integer("args/right");
  const StreamSeed seed = fresh_seed();
  Summary summary;
  for (std::uint64_t walk = begin; walk < end; ++walk) summary.add(steps_to_the_right({seed, walk}, length, right));
  write_file(folders.out + "/result", summary.json());
}
