#pragma once
/// Reads a JSON object against a strict schema: every member is asked for once, with its type and range; what is wrong first is
/// kept and reported by `finish`, and members nobody asked for are refused. Errors are invalid_input and start with the JSON
/// pointer of the offending value: "/policy/replicas: expected an integer from 1 to 16, got 0".
///
///     json::ObjectReader reader(value, "/policy");
///     policy.replicas = reader.integer("replicas", 1, 16, policy.replicas);   // The last argument makes it optional.
///     policy.target = reader.string("target", 64);                             // Required.
///     if (auto read = reader.finish(); !read) return fail(read.error());
///
/// After a mistake the getters return harmless values (0, "", null), so that reading goes straight on to `finish`.
/// Borrows the value, which must outlive the reader, and the keys, which should be literals.
#include "wire/json.hpp"

#include <forgepool/digest.hpp>

#include <functional>
#include <optional>
#include <span>

namespace forgepool::json {

class ObjectReader {
 public:
  /// `pointer` is where `value` stands in the document: "" for the document itself. A value that is no object is a mistake.
  ObjectReader(const Value& value, std::string pointer);

  bool has(std::string_view key) const { return object_ && object_->find(key); }

  std::int64_t integer(std::string_view key, std::int64_t min, std::int64_t max, std::optional<std::int64_t> fallback = {});
  double number(std::string_view key, double min, double max, std::optional<double> fallback = {});
  bool boolean(std::string_view key, std::optional<bool> fallback = {});
  /// Between `min_bytes` and `max_bytes` of UTF-8.
  std::string string(std::string_view key, std::size_t max_bytes, std::optional<std::string> fallback = {},
                     std::size_t min_bytes = 0);
  /// The same without a copy; null after a mistake.
  const std::string* text(std::string_view key, std::size_t max_bytes, std::size_t min_bytes = 0);
  /// An id in the sense of ids.hpp.
  std::string id(std::string_view key, std::optional<std::string> fallback = {});
  /// One of `choices`; returns its index.
  std::size_t choice(std::string_view key, std::span<const std::string_view> choices, std::optional<std::size_t> fallback = {});
  /// "sha256:<64 hex>".
  Digest digest(std::string_view key);
  /// Base64 (standard alphabet, padded) of at most `max_bytes` bytes.
  Bytes base64(std::string_view key, std::size_t max_bytes);

  enum class Need { required, optional };
  /// Null if absent (or after a mistake). Elements and members have their own pointers: see `pointer`.
  const Array* array(std::string_view key, std::size_t min_items, std::size_t max_items, Need need = Need::required);
  const Value* object(std::string_view key, Need need = Need::required);
  const Value* any(std::string_view key, Need need = Need::required);
  /// An array of different strings, in their order; with `choices`, each one of those.
  std::vector<std::string> strings(std::string_view key, std::size_t max_items, std::size_t max_bytes,
                                   Need need = Need::required);
  std::vector<std::string> choices(std::string_view key, std::span<const std::string_view> choices, Need need = Need::required);
  /// An array of different ids (ids.hpp).
  std::vector<std::string> ids(std::string_view key, std::size_t max_items, Need need = Need::required);

  /// The pointer of a member.
  std::string pointer(std::string_view key) const { return pointer_to(pointer_, key); }
  const std::string& pointer() const { return pointer_; }

  /// Reports a mistake that the caller found in a member ("" for the object as a whole).
  void refuse(std::string_view key, std::string_view message);
  /// Reports the error of something read within.
  void refuse(const Error& error);
  bool ok() const { return !error_; }

  /// The first mistake, if there was one. Members that nobody asked for come before everything else: a misspelt key is the
  /// likeliest reason for one that is missing.
  Status finish();

 private:
  /// Null if it is absent.
  const Value* look_up(std::string_view key);
  const std::string* text_of(std::string_view key, const Value* value, std::size_t max_bytes, std::size_t min_bytes);
  /// Reports a member that is absent (null) or not what it should be.
  void unfit(std::string_view key, std::string_view what, const Value* got);
  std::vector<std::string> list(std::string_view key, std::size_t max_items, Need need, const std::string& what,
                                const std::function<bool(const std::string&)>& fits);

  const Object* object_ = nullptr;
  std::string pointer_;
  std::vector<std::string_view> known_;
  std::optional<Error> error_;
};

/// "a string" and the like, with short values themselves: "got 0", "got \"any\"".
std::string describe(const Value& value);

}  // namespace forgepool::json
