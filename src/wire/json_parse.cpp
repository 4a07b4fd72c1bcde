#include "base/parallel.hpp"
#include "wire/json.hpp"
#include "wire/json_split.hpp"
#include "wire/json_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <optional>

namespace forgepool::json {
namespace {

/// The length of the UTF-8 sequence at the start of `text` (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF); 0 if
/// there is none.
std::size_t utf8_sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<std::uint8_t>(text[i]) : std::uint8_t{0}; };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return text.empty() ? 0 : 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return continues(1) ? 2 : 0;
  if (lead < 0xf0) {
    if (lead == 0xe0 && byte(1) < 0xa0) return 0;
    if (lead == 0xed && byte(1) > 0x9f) return 0;
    return continues(1) && continues(2) ? 3 : 0;
  }
  if (lead > 0xf4 || (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f)) return 0;
  return continues(1) && continues(2) && continues(3) ? 4 : 0;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto push = [&](std::uint32_t byte) { out.push_back(static_cast<char>(static_cast<std::uint8_t>(byte))); };
  if (code < 0x80) {
    push(code);
  } else if (code < 0x800) {
    push(0xc0 | code >> 6);
    push(0x80 | (code & 63));
  } else if (code < 0x10000) {
    push(0xe0 | code >> 12);
    push(0x80 | (code >> 6 & 63));
    push(0x80 | (code & 63));
  } else {
    push(0xf0 | code >> 18);
    push(0x80 | (code >> 12 & 63));
    push(0x80 | (code >> 6 & 63));
    push(0x80 | (code & 63));
  }
}

/// Where the parser is, as a list from the inside out. A frame lives on the stack while its element is read; the pointer is
/// made only when something is wrong.
struct Frame {
  const Frame* parent = nullptr;
  const std::string* key = nullptr;  ///< Null in arrays.
  std::size_t index = 0;

  static std::string pointer(const Frame* frame) {
    if (!frame) return {};
    const std::string before = pointer(frame->parent);
    return frame->key ? pointer_to(before, *frame->key) : pointer_to(before, frame->index);
  }
};

/// Moves what was put on `stack` from `start` on into a vector of just that size.
template <class T>
std::vector<T> take_from(std::vector<T>& stack, std::size_t start) {
  const auto first = stack.begin() + static_cast<std::ptrdiff_t>(start);
  std::vector<T> taken(std::make_move_iterator(first), std::make_move_iterator(stack.end()));
  stack.erase(first, stack.end());
  return taken;
}

/// Recursive descent. Every function leaves `at_` behind what it read, or returns nothing and has set `error_`. Whatever the
/// canonical form would spell in another way clears `canonical_`.
class Parser {
 public:
  explicit Parser(std::string_view text, std::span<const ListReader> lists = {}) : text_(text), lists_(lists) {}

  Result<Parsed> document() {
    skip_space();
    auto value = read_value(nullptr, 0);
    if (!value) return fail(std::move(error_));
    skip_space();
    if (at_ != text_.size()) {
      (void)malformed(nullptr, "expected the end after the value");
      return fail(std::move(error_));
    }
    return Parsed{std::move(*value), canonical_};
  }

 private:
  /// As `document`, but at a depth.
  Result<Parsed> element(unsigned depth) {
    skip_space();
    auto value = read_value(nullptr, depth);
    skip_space();
    if (!value || !at_end()) return fail(std::move(error_));
    return Parsed{std::move(*value), canonical_};
  }

  std::nullopt_t refuse(const Frame* frame, const std::string& message) {
    error_ = Error{ErrorKind::invalid_input, at_pointer(Frame::pointer(frame), message)};
    return std::nullopt;
  }

  std::nullopt_t malformed(const Frame* frame, const std::string& message) {
    const std::string_view before = text_.substr(0, std::min(at_, text_.size()));
    const auto line = 1 + std::ranges::count(before, '\n');
    const std::size_t start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    return refuse(frame, "malformed JSON: " + message + (at_ >= text_.size() ? ", but the text ends" : "") + " (line " +
                             std::to_string(line) + ", byte " + std::to_string(before.size() - start + 1) + ")");
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool at_end() const { return at_ >= text_.size(); }
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void skip_space() {
    for (; !at_end() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'); ++at_)
      canonical_ = false;
  }

  std::optional<Value> read_value(const Frame* frame, unsigned depth) {
    switch (peek()) {
      case '{': return read_object(frame, depth + 1);
      case '[': return read_array(frame, depth + 1);
      case '"': {
        auto text = read_string(frame);
        if (!text) return std::nullopt;
        return Value(std::move(*text));
      }
      case 't':
        if (take("true")) return Value(true);
        break;
      case 'f':
        if (take("false")) return Value(false);
        break;
      case 'n':
        if (take("null")) return Value();
        break;
      default:
        if (peek() == '-' || is_digit(peek())) return read_number(frame);
    }
    return malformed(frame, "expected a value");
  }

  std::optional<Value> read_array(const Frame* frame, unsigned depth) {
    if (depth > max_depth) return refuse(frame, "nested deeper than " + std::to_string(max_depth) + " levels");
    const ListReader* list = list_at(frame);
    if (auto array = read_long_array(depth, list)) return array;
    ++at_;
    skip_space();
    const std::size_t start = elements_.size();
    if (take(']')) return finish_array(start, list);
    while (true) {
      const Frame element{frame, nullptr, elements_.size() - start};
      skip_space();
      auto value = read_value(&element, depth);
      if (!value) return std::nullopt;
      elements_.push_back(std::move(*value));
      skip_space();
      if (take(']')) return finish_array(start, list);
      if (!take(',')) return malformed(frame, "expected , or ]");
    }
  }

  Value finish_array(std::size_t start, const ListReader* list) {
    Array array = take_from(elements_, start);
    if (list) {
      list->begin(array.size());
      for (std::size_t i = 0; i < array.size(); ++i) list->read(i, std::exchange(array[i], {}));
    }
    return array;
  }

  /// Null if nobody asked for the elements of the array there.
  const ListReader* list_at(const Frame* frame) const {
    if (!frame || !frame->key || frame->parent) return nullptr;
    const auto found = std::ranges::find(lists_, *frame->key, &ListReader::key);
    return found == lists_.end() ? nullptr : &*found;
  }

  /// Reads the elements of a document's list on several threads if it is long and nothing in it is wrong: errors name their
  /// place, which whoever reads from the start knows.
  std::optional<Value> read_long_array(unsigned depth, const ListReader* list) {
    constexpr unsigned depth_of_lists = 2;
    constexpr std::size_t worthwhile_bytes = 1u << 20;
    if (depth != depth_of_lists || text_.size() - at_ < worthwhile_bytes) return std::nullopt;
    const auto split = split_array(text_.substr(at_));
    if (!split || split->length < worthwhile_bytes) return std::nullopt;
    if (list) list->begin(split->elements.size());
    auto parsed = map_in_order(split->elements.size(), [&](std::size_t i) {
      auto element = Parser(split->elements[i]).element(depth);
      if (list && element) list->read(i, std::exchange(element->value, {}));
      return element;
    });
    if (!parsed.back()) return std::nullopt;
    Array elements;
    elements.reserve(parsed.size());
    for (auto& element : parsed) {
      if (!element->canonical) canonical_ = false;
      elements.push_back(std::move(element->value));
    }
    at_ += split->length;
    return Value(std::move(elements));
  }

  std::optional<Value> read_object(const Frame* frame, unsigned depth) {
    if (depth > max_depth) return refuse(frame, "nested deeper than " + std::to_string(max_depth) + " levels");
    ++at_;
    skip_space();
    if (take('}')) return Value(Object());
    const std::size_t start = members_.size();
    while (true) {
      skip_space();
      if (peek() != '"') return malformed(frame, "expected a key in quotes");
      auto key = read_string(frame);
      if (!key) return std::nullopt;
      const Frame member{frame, &*key, 0};
      skip_space();
      if (!take(':')) return malformed(&member, "expected : after the key");
      skip_space();
      auto value = read_value(&member, depth);
      if (!value) return std::nullopt;
      members_.emplace_back(std::move(*key), std::move(*value));
      skip_space();
      if (take('}')) return finish_object(frame, take_from(members_, start));
      if (!take(',')) return malformed(frame, "expected , or }");
    }
  }

  std::optional<Value> finish_object(const Frame* frame, std::vector<Member> members) {
    const auto misplaced = [](const Member& a, const Member& b) { return !utf16_less(a.first, b.first); };
    if (std::ranges::adjacent_find(members, misplaced) == members.end())
      return Value(Object::from_ascending(std::move(members)));
    canonical_ = false;
    Object object = Object::from_members(std::move(members));
    const auto twice = std::ranges::adjacent_find(object.members(), {}, &Member::first);
    if (twice != object.end()) {
      const Frame member{frame, &twice->first, 0};
      return refuse(&member, "the key stands twice in its object");
    }
    return Value(std::move(object));
  }

  std::optional<std::string> read_string(const Frame* frame) {
    ++at_;
    std::string out;
    while (true) {
      // Runs of plain ASCII are most of every text: copy them in one go.
      const std::size_t plain = count_plain(text_.substr(at_));
      out.append(text_, at_, plain);
      at_ += plain;
      if (at_end()) return malformed(frame, "expected \" at the end of the string");
      const auto byte = static_cast<std::uint8_t>(text_[at_]);
      if (byte == '"') {
        ++at_;
        return out;
      }
      if (byte == '\\') {
        if (!read_escape(frame, out)) return std::nullopt;
      } else if (byte < 0x20) {
        return malformed(frame, "control characters in strings must be escaped");
      } else {
        const std::size_t length = utf8_sequence(text_.substr(at_));
        if (length == 0) return malformed(frame, "invalid UTF-8");
        out.append(text_, at_, length);
        at_ += length;
      }
    }
  }

  std::optional<std::uint32_t> read_hex4() {
    if (text_.size() - at_ < 4) return std::nullopt;
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = text_[at_ + static_cast<std::size_t>(i)];
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return std::nullopt;
      code = code << 4 | static_cast<std::uint32_t>(digit);
    }
    at_ += 4;
    return code;
  }

  bool read_escape(const Frame* frame, std::string& out) {
    const std::size_t start = at_, before = out.size();
    ++at_;
    const char c = peek();
    constexpr std::string_view names = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    if (const std::size_t simple = at_end() ? std::string_view::npos : names.find(c); simple != std::string_view::npos) {
      out.push_back(meanings[simple]);
      ++at_;
      if (c == '/') canonical_ = false;  // Of these it alone may stand for itself.
      return true;
    }
    if (!take('u')) return malformed(frame, "unknown escape in a string"), false;
    if (!read_code(frame, out)) return false;
    // What has to be escaped at all has one escape.
    std::string canonical;
    append_escaped(canonical, std::string_view(out).substr(before));
    if (canonical != text_.substr(start, at_ - start)) canonical_ = false;
    return true;
  }

  /// What stands behind \u, and the low surrogate behind a high one.
  bool read_code(const Frame* frame, std::string& out) {
    const auto code = read_hex4();
    if (!code) return malformed(frame, "expected four hex digits after \\u"), false;
    if (*code < 0xd800 || *code > 0xdfff) return append_utf8(out, *code), true;
    if (*code < 0xdc00 && take("\\u"))
      if (const auto low = read_hex4(); low && *low >= 0xdc00 && *low <= 0xdfff) {
        append_utf8(out, 0x10000 + ((*code - 0xd800) << 10) + (*low - 0xdc00));
        return true;
      }
    return malformed(frame, "lone surrogate in a string"), false;
  }

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  bool take_digits() {
    if (!is_digit(peek())) return false;
    while (is_digit(peek())) ++at_;
    return true;
  }

  std::optional<Value> read_number(const Frame* frame) {
    const std::size_t start = at_;
    const bool negative = take('-');
    const std::size_t first_digit = at_;
    if (!take('0') && !take_digits()) return malformed(frame, "expected a digit");
    const std::string_view whole = text_.substr(first_digit, at_ - first_digit);
    bool integer = true;
    if (take('.')) {
      integer = false;
      if (!take_digits()) return malformed(frame, "expected a digit after the decimal point");
    }
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      integer = false;
      if (!take('+')) take('-');
      if (!take_digits()) return malformed(frame, "expected a digit in the exponent");
    }

    if (integer && whole.size() <= 15) {
      std::int64_t value = 0;
      std::from_chars(whole.data(), whole.data() + whole.size(), value);
      if (negative && value == 0) canonical_ = false;
      return Value(negative ? -value : value);
    }
    double value = 0;
    const auto [end, error] = std::from_chars(text_.data() + start, text_.data() + at_, value);
    if (error != std::errc() || end != text_.data() + at_ || !std::isfinite(value))
      return refuse(frame, "the number is outside the range of a double");
    // Beyond 2^53 an integer may be read as another one. It is taken only as the canonical form writes it, which also makes
    // every canonical form readable.
    if (integer && number_to_string(std::abs(value)) != whole)
      return refuse(frame,
                    "the integer cannot be held by a double as it is written; write it as a string, or keep it within 2^53");
    if (number_to_string(value) != text_.substr(start, at_ - start)) canonical_ = false;
    return Value(value);
  }

  const std::string_view text_;
  const std::span<const ListReader> lists_;
  std::size_t at_ = 0;
  bool canonical_ = true;
  Error error_;
  // Of all arrays and objects that are still open, the outermost first: one at a time would grow again and again.
  Array elements_;
  std::vector<Member> members_;
};

}  // namespace

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_sequence(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

Result<Parsed> parse_any_form(std::string_view text, std::size_t max_bytes, std::span<const ListReader> lists) {
  if (text.size() > max_bytes)
    return fail(ErrorKind::too_large, at_pointer("", "expected at most " + std::to_string(max_bytes) + " bytes of JSON, got " +
                                                         std::to_string(text.size())));
  return Parser(text, lists).document();
}

Result<Value> parse(std::string_view text, std::size_t max_bytes) {
  return parse_any_form(text, max_bytes).map([](Parsed&& parsed) { return std::move(parsed.value); });
}

Result<Value> parse_canonical(std::string_view text, std::size_t max_bytes) {
  auto parsed = parse_any_form(text, max_bytes);
  if (!parsed) return fail(parsed.error());
  if (!parsed->canonical) return fail(ErrorKind::invalid_input, at_pointer("", "not in the canonical form of RFC 8785"));
  return std::move(parsed->value);
}

}  // namespace forgepool::json
