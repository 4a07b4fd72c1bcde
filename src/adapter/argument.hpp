#pragma once
/// What a profile takes as arguments: a small schema in the manifest ("args"), and the check of a contract's arguments against
/// it. FORMAT.md, "Arguments".
#include "wire/json_reader.hpp"

#include <map>
#include <memory>
#include <optional>

namespace forgepool::adapter {

struct ArgumentSpec {
  enum class Type { number, integer, boolean, string, digest, list };

  Type type = Type::number;
  double min_number = 0, max_number = 0;
  std::int64_t min_integer = 0, max_integer = 0;
  std::size_t max_bytes = 0;                    ///< Strings.
  std::shared_ptr<const ArgumentSpec> element;  ///< Lists: what each element is; never a list.
  std::size_t min_items = 0, max_items = 0;     ///< Lists.
  std::optional<json::Value> fallback;          ///< Stands in for an absent argument.
  bool required = true;                         ///< If there is no fallback; otherwise false.

  /// True if every contract that passes has a value for it.
  bool always_present() const { return required || fallback; }
};

using ArgumentSpecs = std::map<std::string, ArgumentSpec>;

/// Reads the "args" object of a profile. Errors name the place in the manifest.
Result<ArgumentSpecs> read_argument_specs(const json::Value& value, const std::string& pointer);

/// Checks a contract's arguments; returns them with the defaults filled in. invalid_input, starting with the pointer into the
/// contract ("/args/claim_freq: …").
Result<json::Object> check_arguments(const ArgumentSpecs& specs, const json::Value& args);

}  // namespace forgepool::adapter
