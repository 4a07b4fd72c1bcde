#pragma once
/// What is fuzzed: a parser of foreign bytes, and good input to start from.
#include <forgepool/bytes.hpp>

#include <functional>
#include <string>
#include <vector>

namespace forgepool::fuzz {

struct Target {
  std::string name;
  std::vector<Bytes> seeds;  ///< Each is accepted.
  /// Must come back, whatever the input. Returns whether it was accepted; what it promises of accepted input it checks itself
  /// (`hold`).
  std::function<bool(ByteView)> run;
};

/// Ends the process, as a crash would, unless the promise holds.
void hold(bool promise, const char* what);

std::vector<Target> identity_targets();
std::vector<Target> document_targets();
std::vector<Target> message_targets();
std::vector<Target> http3_targets();
std::vector<Target> all_targets();

}  // namespace forgepool::fuzz
