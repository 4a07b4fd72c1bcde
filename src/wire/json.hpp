#pragma once
/// JSON as values. Reading is strict (RFC 8259 and I-JSON, RFC 7493) and writing is canonical (RFC 8785, "JCS"), so that two
/// texts of equal meaning have one form, one digest and one interpretation everywhere.
///
/// A value owns what it holds. Not thread-safe while it is changed. json_reader.hpp reads objects against a schema.
#include <forgepool/bytes.hpp>

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace forgepool::json {

class Value;
class Field;
using Array = std::vector<Value>;
using Member = std::pair<std::string, Value>;

/// Integers of a larger magnitude are not safe in JSON: the next double may stand for several of them.
inline constexpr std::int64_t max_safe_integer = std::int64_t{1} << 53;
/// Arrays and objects may nest this deep.
inline constexpr unsigned max_depth = 64;

/// True if `a` comes before `b` when both, given as UTF-8, are compared by UTF-16 code units (RFC 8785, section 3.2.3).
bool utf16_less(std::string_view a, std::string_view b);

/// Members in canonical order, each key once.
class Object {
 public:
  Object();
  /// Of fields with the same key the last one stays.
  Object(std::initializer_list<Field> fields);
  /// Sorts. The keys must differ.
  static Object from_members(std::vector<Member> members);
  /// They must be in canonical order, and their keys differ.
  static Object from_ascending(std::vector<Member> members);

  /// Null if there is no such member.
  const Value* find(std::string_view key) const;
  /// Adds the member or replaces its value.
  void set(std::string key, Value value);
  /// True if there was such a member.
  bool erase(std::string_view key);

  const std::vector<Member>& members() const { return members_; }
  std::size_t size() const;
  bool empty() const;
  std::vector<Member>::const_iterator begin() const;
  std::vector<Member>::const_iterator end() const;

  friend bool operator==(const Object& a, const Object& b);

 private:
  std::vector<Member> members_;
};

/// One JSON value. Numbers are doubles, as RFC 8785 has it; those that are whole and not larger than `max_safe_integer` are
/// held as integers however they were written ("10", "10.0" and "1e1" are one value).
class Value {
 public:
  Value();
  Value(std::nullptr_t);
  Value(const Value& other);
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();
  Value(std::same_as<bool> auto value) : Value(Flag{value}) {}
  /// An integer beyond `max_safe_integer` becomes the nearest double. Write it as a string where that would matter.
  template <std::integral T>
  requires(!std::same_as<T, bool>) Value(T value)
      : Value(Number{std::in_range<std::int64_t>(value), static_cast<std::int64_t>(value), static_cast<double>(value)}) {}
  /// Must be finite: there is no JSON for anything else.
  Value(double value);
  /// Must be UTF-8.
  Value(std::string value);
  Value(std::string_view value);
  Value(const char* value);
  Value(Array value);
  Value(Object value);

  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  /// Null unless the value is of that type. `as_integer` is null for numbers that are not held as integers.
  const bool* as_bool() const { return std::get_if<bool>(&data_); }
  const std::int64_t* as_integer() const { return std::get_if<std::int64_t>(&data_); }
  const std::string* as_string() const { return std::get_if<std::string>(&data_); }
  const Array* as_array() const { return std::get_if<Array>(&data_); }
  Array* as_array() { return std::get_if<Array>(&data_); }
  const Object* as_object() const { return std::get_if<Object>(&data_); }
  Object* as_object() { return std::get_if<Object>(&data_); }
  bool is_number() const { return as_integer() || std::holds_alternative<double>(data_); }
  /// Any number as a double; 0 for other types.
  double as_number() const;

  /// For people: "an integer", "a string", "null", …
  std::string_view type_name() const;

  friend bool operator==(const Value& a, const Value& b) { return a.data_ == b.data_; }

 private:
  struct Flag {
    bool value;
  };
  struct Number {
    bool is_int64;
    std::int64_t integer;
    double nearest;
  };
  explicit Value(Flag flag);
  explicit Value(Number number);

  // Nothing that makes or ends a value is inline: it would be much code in many places.
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> data_;
};

/// A member as an object is written down in code. What is in a list is const, and would be copied with everything in it, at
/// every level again: an `Object` moves it out of this.
class Field {
 public:
  Field(std::string_view key, Value value);

 private:
  friend class Object;
  std::string_view key_;  // Borrowed: a list lives no longer than what it was written down with.
  mutable Value value_;
};

// Here and not above, because a member is complete only now.
inline Object::Object() = default;
inline std::size_t Object::size() const {
  return members_.size();
}
inline bool Object::empty() const {
  return members_.empty();
}
inline std::vector<Member>::const_iterator Object::begin() const {
  return members_.begin();
}
inline std::vector<Member>::const_iterator Object::end() const {
  return members_.end();
}

/// Reads exactly one value from a text of at most `max_bytes`. Refused, with the JSON pointer of the place: anything that RFC
/// 8259 does not allow (trailing bytes and a byte-order mark included), duplicate keys, invalid UTF-8, lone surrogates, numbers
/// outside the range of a double, integers that the canonical form would change, nesting deeper than `max_depth`. invalid_input
/// or too_large.
Result<Value> parse(std::string_view text, std::size_t max_bytes);

struct Parsed {
  Value value;
  bool canonical = false;  ///< Whether the text was the canonical form of the value.
};

/// Takes the elements of a list, a member of the document, as soon as they are read: all of them as values need many times the
/// room of what they mean.
struct ListReader {
  std::string_view key;
  std::function<void(std::size_t count)> begin;  ///< Before the first element. Elements of an earlier list are void.
  std::function<void(std::size_t number, const Value& element)> read;  ///< On several threads, in any order.
};

/// As `parse`. Of elements that `lists` took, null is left.
Result<Parsed> parse_any_form(std::string_view text, std::size_t max_bytes, std::span<const ListReader> lists = {});

/// As `parse`, and refuses a text that is not the canonical form of its value.
Result<Value> parse_canonical(std::string_view text, std::size_t max_bytes);

/// The RFC 8785 form.
std::string canonicalize(const Value& value);
/// A finite number as ECMAScript writes it (ECMA-262, Number::toString), which is how RFC 8785 does.
std::string number_to_string(double value);

/// Appends a key or an index to a JSON pointer (RFC 6901).
std::string pointer_to(std::string_view pointer, std::string_view key);
std::string pointer_to(std::string_view pointer, std::size_t index);
/// "/policy/replicas: message", or "(root): message" for the empty pointer. Keys are shortened and control characters escaped,
/// so that a foreign key can stand in a log.
std::string at_pointer(std::string_view pointer, std::string_view message);

bool is_valid_utf8(std::string_view text);

}  // namespace forgepool::json
