#include "wire/messages.hpp"

#include <algorithm>
#include <array>

namespace forgepool::wire {
namespace {

struct KindStatus {
  ErrorKind kind;
  int status;
};
constexpr std::array<KindStatus, 10> kind_statuses{{{ErrorKind::invalid_input, 400},
                                                    {ErrorKind::unauthenticated, 401},
                                                    {ErrorKind::denied, 403},
                                                    {ErrorKind::not_found, 404},
                                                    {ErrorKind::conflict, 409},
                                                    {ErrorKind::too_large, 413},
                                                    {ErrorKind::corrupt, 422},
                                                    {ErrorKind::internal, 500},
                                                    {ErrorKind::unsupported, 501},
                                                    {ErrorKind::unavailable, 503}}};

}  // namespace

Digest from_wire(const fb::Sha256& digest) {
  Digest result;
  std::copy(digest.bytes()->begin(), digest.bytes()->end(), result.bytes.begin());
  return result;
}

fb::LimitsT to_wire(const SandboxLimits& limits) {
  fb::LimitsT message;
  message.cpu_ms = limits.cpu_ms;
  message.wall_ms = limits.wall_ms;
  message.memory_bytes = limits.memory_bytes;
  message.processes = limits.processes;
  message.output_bytes = limits.output_bytes;
  message.output_files = limits.output_files;
  message.stdio_bytes = limits.stdio_bytes;
  return message;
}

SandboxLimits from_wire(const fb::LimitsT& message) {
  return {message.cpu_ms,       message.wall_ms,      message.memory_bytes, message.processes,
          message.output_bytes, message.output_files, message.stdio_bytes};
}

Bytes encode_failure(const Error& error) {
  fb::FailureT failure;
  failure.kind = to_string(error.kind);
  failure.message = error.message.substr(0, rules_of("forgepool.fb.Failure")->find("message")->max_bytes);
  return encode(failure);
}

Error decode_failure(ByteView body, ErrorKind fallback) {
  const auto failure = decode<fb::FailureT>(body);
  if (!failure) return {fallback, "the peer answered with an error that it did not explain"};
  for (const auto& entry : kind_statuses)
    if (to_string(entry.kind) == failure->kind) return {entry.kind, failure->message};
  return {fallback, failure->message};
}

int status_of(ErrorKind kind) {
  return std::ranges::find(kind_statuses, kind, &KindStatus::kind)->status;
}

ErrorKind kind_of(int status) {
  const auto found = std::ranges::find(kind_statuses, status, &KindStatus::status);
  return found != kind_statuses.end() ? found->kind : ErrorKind::internal;
}

}  // namespace forgepool::wire
