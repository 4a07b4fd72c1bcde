#pragma once
/// Runs functions of this process in place of programs, for tests and simulations: no isolation at all, level `none`. That a
/// function depends on nothing but its request is the word of whoever brings it: reports have the determinism class that was
/// asked for.
#include <forgepool/sandbox.hpp>

#include <functional>

namespace forgepool {

/// What a function sees of its request, and where it leaves its outputs. Thrown exceptions become outcome `signalled`
/// (SIGABRT).
struct InProcessRun {
  const std::vector<std::string>& arguments;
  const std::map<std::string, ByteView>& files;
  std::map<std::string, Bytes>& outputs;
  const std::atomic<bool>& cancelled;  ///< Long functions look at it and return early; also set when the wall time is over.
};
/// Returns the exit code.
using InProcessFunction = std::function<int(InProcessRun&)>;

/// `functions` by the digest of the program bytes they stand for. A program that is not in it ends as `setup_failed`.
FORGEPOOL_API std::unique_ptr<Sandbox> make_in_process_sandbox(std::map<Digest, InProcessFunction> functions);

}  // namespace forgepool
