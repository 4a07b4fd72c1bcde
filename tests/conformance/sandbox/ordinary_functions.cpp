#include "ordinary_functions.hpp"

#include <chrono>
#include <stdexcept>
#include <thread>

namespace forgepool::sandbox_test {
namespace {

int wait_for_ever(InProcessRun& run) {
  while (!run.cancelled) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return 0;
}

int work_for_ever(InProcessRun& run) {
  volatile unsigned long count = 0;
  while (!run.cancelled) count = count + 1;
  return 0;
}

}  // namespace

int ordinary(InProcessRun& run) {
  const auto argument = [&](std::size_t index) { return index < run.arguments.size() ? run.arguments[index] : std::string(); };
  const auto number = [&] { return argument(1).empty() ? 0 : std::stol(argument(1)); };
  const auto action = argument(0);
  if (action == "exit") return static_cast<int>(number());
  if (action == "copy-inputs")
    for (const auto& [name, content] : run.files) run.outputs[name] = Bytes(content.begin(), content.end());
  if (action == "echo-arguments")
    for (std::size_t i = 1; i < run.arguments.size(); ++i)
      run.outputs["argument." + std::to_string(i - 1)] = to_bytes(run.arguments[i]);
  if (action == "many-outputs")
    for (long i = 0; i < number(); ++i) run.outputs["output." + std::to_string(i)] = to_bytes("output." + std::to_string(i));
  if (action == "large-output") run.outputs["large"] = Bytes(static_cast<std::size_t>(number()));
  if (action == "name-output") run.outputs[argument(1)] = to_bytes("x");
  if (action == "crash") throw std::runtime_error("crash");
  if (action == "wait") return wait_for_ever(run);
  if (action == "work") return work_for_ever(run);
  return 0;
}

}  // namespace forgepool::sandbox_test
