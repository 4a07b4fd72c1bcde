#pragma once
/// in-toto Statement v1 (https://in-toto.io/Statement/v1): subjects by digest, and what is said about them. Receipts
/// (receipt.hpp) and verdicts (verdict.hpp) are statements; both are RFC 8785 JSON and have exactly one spelling.
#include "wire/json_reader.hpp"

#include <forgepool/digest.hpp>
#include <forgepool/time.hpp>

#include <string>
#include <vector>

namespace forgepool::identity {

inline constexpr std::size_t max_statement_bytes = 6u << 20;  // In base64 still within an envelope.

/// An in-toto resource: a name and {"sha256": <hex>}.
struct Resource {
  std::string name;
  Digest digest;

  friend bool operator==(const Resource&, const Resource&) = default;
};

json::Value to_json(const Resource& resource);
json::Value to_json(const std::vector<Resource>& resources);
/// An array of resources. Mistakes go to `reader`.
std::vector<Resource> read_resources(json::ObjectReader& reader, std::string_view key, std::size_t max_items);

Digest read_hex_digest(json::ObjectReader& reader, std::string_view key);
/// Whole seconds.
Time read_time(json::ObjectReader& reader, std::string_view key);

struct Statement {
  json::Value document;
  bool canonical = false;  ///< Whether the text was the canonical form of the document.
  std::vector<Resource> subject;

  const json::Value& predicate() const { return *document.as_object()->find("predicate"); }
};

json::Value statement_to_json(const std::vector<Resource>& subject, std::string_view predicate_type, json::Value predicate);
/// Reads the frame. invalid_input, with the JSON pointer, for another predicate type or any deviation.
Result<Statement> read_statement(std::string_view text, std::string_view predicate_type);

/// "shard-7": what the output of a shard is called.
std::string shard_name(std::uint32_t index);

}  // namespace forgepool::identity
