#pragma once
/// The protocol's messages (protocol.fbs) as values. Every body from outside goes through `decode`, which holds the FlatBuffer
/// to the bounds of its table and verifies it before anything reads it; ids and digests inside are checked by their users
/// through the helpers below.
#include <forgepool/adapter.hpp>
#include <forgepool/digest.hpp>
#include <forgepool/ids.hpp>

#include "protocol_generated.h"
#include "wire/message_check.hpp"

#include <string>

namespace forgepool::wire {

namespace fb = forgepool::fb;

/// Tables nest at most this deep: more is refused before it is looked at.
inline constexpr unsigned max_message_depth = 8;
/// A message takes at most so many times its body's bytes in memory (the smallest tables and strings that there are become
/// objects of some hundred bytes).
inline constexpr std::size_t max_unpacked_multiple = 24;

/// Serialises a message. `T` is one of the generated object types (fb::LeaseGrantT, …) with all required fields set.
template <class T>
Bytes encode(const T& message) {
  flatbuffers::FlatBufferBuilder builder(1024);
  builder.Finish(T::TableType::Pack(builder, &message));
  return Bytes(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
}

/// Reads a foreign message. invalid_input or too_large as `check_message` says.
template <class T>
Result<T> decode(ByteView body) {
  using Table = typename T::TableType;
  static const TableRules& rules = *rules_of(Table::GetFullyQualifiedName());
  if (const auto kept = check_message(rules, body); !kept) return fail(kept.error());
  flatbuffers::Verifier verifier(body.data(), body.size(), max_message_depth,
                                 static_cast<flatbuffers::uoffset_t>(body.size() / sizeof(flatbuffers::soffset_t)));
  if (!verifier.VerifyBuffer<Table>(nullptr))
    return fail(ErrorKind::invalid_input,
                std::string("message_malformed: the body is not a well-formed ") + Table::GetFullyQualifiedName());
  T message;
  flatbuffers::GetRoot<Table>(body.data())->UnPackTo(&message);
  return message;
}

inline fb::Sha256 to_wire(const Digest& digest) {
  return fb::Sha256(flatbuffers::span<const std::uint8_t, 32>(digest.bytes.data(), 32));
}
Digest from_wire(const fb::Sha256& digest);

inline std::unique_ptr<fb::Sha256> to_wire_ptr(const Digest& digest) {
  return std::make_unique<fb::Sha256>(to_wire(digest));
}

fb::LimitsT to_wire(const SandboxLimits& limits);
SandboxLimits from_wire(const fb::LimitsT& limits);

/// The body of an answer that is not 2xx, and back. A body that is not a Failure becomes an error of `fallback`.
Bytes encode_failure(const Error& error);
Error decode_failure(ByteView body, ErrorKind fallback);

/// The HTTP status for an error kind, and the kind that a status stands for when the body does not say.
int status_of(ErrorKind kind);
ErrorKind kind_of(int status);

}  // namespace forgepool::wire
