#include "guided.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/wait.h>
#include <unistd.h>

#ifdef FORGEPOOL_COVERAGE_GUIDES
extern "C" int LLVMFuzzerRunDriver(int* argc, char*** argv, int (*one_input)(const std::uint8_t* data, std::size_t size));
#endif

namespace forgepool::fuzz {

#ifdef FORGEPOOL_COVERAGE_GUIDES
namespace {

// libFuzzer's callback has no context.
const Target* guided_target = nullptr;

int one_input(const std::uint8_t* data, std::size_t size) {
  guided_target->run({data, size});
  return 0;
}

std::string write_seeds(const Target& target) {
  const std::string folder = "fuzz-corpus-" + target.name;
  std::filesystem::create_directories(folder);
  for (std::size_t i = 0; i < target.seeds.size(); ++i)
    std::ofstream(folder + "/seed-" + std::to_string(i), std::ios::binary)
        .write(reinterpret_cast<const char*>(target.seeds[i].data()), static_cast<std::streamsize>(target.seeds[i].size()));
  return folder;
}

[[noreturn]] void become_fuzzer(const Target& target, std::uint64_t seed, double seconds) {
  guided_target = &target;
  std::size_t longest = 4096;
  for (const Bytes& bytes : target.seeds) longest = std::max(longest, 2 * bytes.size());
  std::vector<std::string> arguments = {"fuzz",
                                        "-max_total_time=" + std::to_string(std::max(1L, static_cast<long>(seconds))),
                                        "-seed=" + std::to_string(static_cast<std::uint32_t>(seed) | 1u),  // 0 is random there.
                                        "-max_len=" + std::to_string(longest),
                                        "-artifact_prefix=fuzz-crash-" + target.name + "-",
                                        "-print_final_stats=1",
                                        "-verbosity=0",
                                        write_seeds(target)};
  std::vector<char*> pointers;
  for (auto& argument : arguments) pointers.push_back(argument.data());
  int count = static_cast<int>(pointers.size());
  char** values = pointers.data();
  std::exit(LLVMFuzzerRunDriver(&count, &values, one_input));
}

}  // namespace

bool run_guided(const Target& target, std::uint64_t seed, double seconds) {
  std::printf("%s, guided by coverage\n", target.name.c_str());
  std::fflush(nullptr);
  // libFuzzer ends its process when its time is up.
  const pid_t child = fork();
  if (child < 0) return std::perror("fork"), false;
  if (child == 0) become_fuzzer(target, seed, seconds);
  int status = 0;
  if (waitpid(child, &status, 0) != child) return std::perror("waitpid"), false;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
  std::fprintf(stderr, "%s failed; its input is in fuzz-crash-%s-…: fuzz --input FILE %s\n", target.name.c_str(),
               target.name.c_str(), target.name.c_str());
  return false;
}
#else
bool run_guided(const Target&, std::uint64_t, double) {
  return false;
}
#endif

}  // namespace forgepool::fuzz
