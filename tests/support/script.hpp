#pragma once
/// Other people's tools, run by a script.
#include <catch2/catch_test_macros.hpp>

#include <string>

#include <stdio.h>
#include <sys/wait.h>

namespace forgepool::test {

struct Ran {
  int exit_code = -1;
  std::string output;  ///< Standard output and error.
};

/// Runs a command of the shell to its end. The test is skipped, with what the command said, if that is 77: something that it
/// needs is not there.
inline Ran run_script(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  Ran ran;
  char buffer[4096];
  while (const std::size_t size = ::fread(buffer, 1, sizeof buffer, pipe)) ran.output.append(buffer, size);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) ran.exit_code = WEXITSTATUS(status);
  if (ran.exit_code == 77) SKIP(ran.output);
  return ran;
}

}  // namespace forgepool::test
