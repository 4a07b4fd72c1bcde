/// exec@1: runs /in/program once for each item of the shard and records what it wrote to standard output and how it ended.
/// Reads /in/params.json, writes /out/result as the reducer `concat` takes it (src/adapter/FORMAT.md, "Shard outputs").
#include "common/params.hpp"

#include <sys/wait.h>
#include <csignal>

#include <vector>

using namespace adapter_program;

namespace {

struct ItemRun {
  std::string standard_output;
  bool over_limit = false;  ///< It wrote too much, or where it must not.
  int status = 0;

  /// By its own limit, which stands beside that of the box: which of them ends it first differs from machine to machine.
  bool out_of_time() const { return !over_limit && WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU; }
};

std::string base64(std::string_view bytes) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto byte = [&](std::size_t i) { return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u; };
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    text.push_back(alphabet[group >> 18]);
    text.push_back(alphabet[group >> 12 & 63]);
    text.push_back(i + 1 < bytes.size() ? alphabet[group >> 6 & 63] : '=');
    text.push_back(i + 2 < bytes.size() ? alphabet[group & 63] : '=');
  }
  return text;
}

/// argv with "{}" replaced by the item's path, wherever it stands.
std::vector<std::string> fill_in(const std::vector<std::string>& arguments, const std::string& item) {
  std::vector<std::string> filled;
  for (std::string argument : arguments) {
    for (std::size_t at = 0; (at = argument.find("{}", at)) != std::string::npos; at += item.size())
      argument.replace(at, 2, item);
    filled.push_back(std::move(argument));
  }
  return filled;
}

[[noreturn]] void become(const std::string& program, const std::vector<std::string>& arguments,
                         const std::string& standard_input, int output) {
  const int input = ::open(standard_input.c_str(), O_RDONLY);
  if (input < 0 || ::dup2(input, 0) < 0 || ::dup2(output, 1) < 0) give_up("cannot open " + standard_input);
  if (input > 2) ::close(input);
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  char* const environment[] = {nullptr};
  ::execve(program.c_str(), argv.data(), environment);
  give_up("cannot execute " + program + ": " + std::strerror(errno));
}

/// Reads until the program closes its output or has written too much; then it is ended. What counts is the first `limit` bytes,
/// so that the result does not depend on when that happens.
ItemRun run(const std::string& program, const std::vector<std::string>& arguments, const std::string& standard_input,
            std::size_t limit) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) give_up(std::string("cannot make a pipe: ") + std::strerror(errno));
  const pid_t child = ::fork();
  if (child < 0) give_up(std::string("cannot fork: ") + std::strerror(errno));
  if (child == 0) become(program, arguments, standard_input, ends[1]);
  ::close(ends[1]);

  ItemRun result;
  char buffer[65536];
  while (!result.over_limit) {
    const ssize_t count = ::read(ends[0], buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    result.standard_output.append(buffer, static_cast<std::size_t>(count));
    result.over_limit = result.standard_output.size() > limit;
  }
  if (result.over_limit) {
    result.standard_output.resize(limit);
    ::kill(child, SIGKILL);
  }
  ::close(ends[0]);
  while (::waitpid(child, &result.status, 0) < 0)
    if (errno != EINTR) give_up(std::string("cannot wait: ") + std::strerror(errno));
  return result;
}

std::string to_json(const ItemRun& run, std::uint64_t index) {
  std::string code, outcome = "output_limit", output = run.standard_output;
  if (run.out_of_time()) {
    outcome = "timed_out_cpu";
    output.clear();  // How far it came depends on the machine.
  } else if (!run.over_limit) {
    const bool exited = WIFEXITED(run.status);
    outcome = exited ? "exited" : "signalled";
    code = "\"code\":" + std::to_string(exited ? WEXITSTATUS(run.status) : WTERMSIG(run.status)) + ",";
  }
  return "{" + code + "\"index\":" + std::to_string(index) + ",\"outcome\":\"" + outcome + "\",\"stdout\":\"" + base64(output) +
         "\"}";
}

}  // namespace

int main(int argc, char** argv) {
  const Folders folders = folders_from(argc, argv);
  const std::string text = read_file(folders.in + "/params.json");
  const Params params(text);
  const auto limit = static_cast<std::size_t>(params.integer("args/stdout_limit_bytes"));
  const bool feed = params.boolean("args/stdin");
  std::vector<std::string> arguments;
  for (std::size_t i = 0; params.has("args/arguments/" + std::to_string(i)); ++i)
    arguments.push_back(params.string("args/arguments/" + std::to_string(i)));

  const std::string result = folders.out + "/result";
  std::string items;
  for (std::size_t i = 0;; ++i) {
    const std::string item = "items/" + std::to_string(i);
    if (!params.has(item + "/file")) break;
    const std::string path = folders.in + "/" + params.string(item + "/file");
    ItemRun done = run(folders.in + "/program", fill_in(arguments, path), feed ? path : "/dev/null", limit);
    if (::unlink(result.c_str()) == 0) done = {"", true, 0};
    items += (items.empty() ? "" : ",") + to_json(done, params.integer(item + "/index"));
  }
  write_file(result, "{\"format\":\"concat/1\",\"items\":[" + items + "]}");
}
