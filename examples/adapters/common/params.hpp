#pragma once
/// The shard's parameters, /in/params.json, by path: "args/claim_freq", "items/0/file". The hub wrote and checked them against
/// the manifest; what does not fit ends the program all the same.
#include "common/files.hpp"

#include <charconv>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace adapter_program {

class Params {
 public:
  explicit Params(std::string_view json) : text_(json) {
    read_value("", 0);
    if (at_ != text_.size()) give_up("params.json: something follows the object");
  }

  bool has(const std::string& path) const { return values_.contains(path); }

  double number(const std::string& path) const {
    const std::string& text = need(path);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) give_up("params.json: " + path + " is not a number");
    return value;
  }
  /// Infinity-like defaults are the caller's: a limit that is not there limits nothing.
  std::optional<double> optional_number(const std::string& path) const {
    return has(path) ? std::optional<double>(number(path)) : std::nullopt;
  }

  std::uint64_t integer(const std::string& path) const {
    const std::string& text = need(path);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) give_up("params.json: " + path + " is not a whole number");
    return value;
  }

  const std::string& string(const std::string& path) const { return need(path); }
  bool boolean(const std::string& path) const { return need(path) == "true"; }

 private:
  const std::string& need(const std::string& path) const {
    const auto found = values_.find(path);
    if (found == values_.end()) give_up("params.json: " + path + " is missing");
    return found->second;
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void take(char c) {
    if (peek() != c) give_up("params.json: not canonical JSON");
    ++at_;
  }

  void read_value(const std::string& path, int depth) {
    if (depth > 16) give_up("params.json: nested too deep");
    const auto below = [&](const std::string& name) { return path.empty() ? name : path + "/" + name; };
    if (peek() == '{') {
      ++at_;
      while (peek() != '}') {
        const std::string key = read_string();
        take(':');
        read_value(below(key), depth + 1);
        if (peek() != '}') take(',');
      }
      ++at_;
    } else if (peek() == '[') {
      ++at_;
      for (std::size_t i = 0; peek() != ']'; ++i) {
        read_value(below(std::to_string(i)), depth + 1);
        if (peek() != ']') take(',');
      }
      ++at_;
    } else if (peek() == '"') {
      values_[path] = read_string();
    } else {
      const std::size_t start = at_;
      while (at_ < text_.size() && text_.substr(at_, 1).find_first_of(",]} \n") == std::string_view::npos) ++at_;
      if (at_ == start) give_up("params.json: not canonical JSON");
      values_[path] = std::string(text_.substr(start, at_ - start));
    }
  }

  std::string read_string() {
    take('"');
    std::string out;
    while (peek() != '"') {
      if (at_ >= text_.size()) give_up("params.json: ends within a string");
      const char c = text_[at_++];
      if (c != '\\') {
        out.push_back(c);
        continue;
      }
      constexpr std::string_view names = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
      const char escape = peek();
      ++at_;
      if (const std::size_t simple = names.find(escape); escape != '\0' && simple != std::string_view::npos) {
        out.push_back(meanings[simple]);
        continue;
      }
      // Canonical JSON has \u only for control characters.
      unsigned code = 0x100;
      const std::string_view digits = text_.substr(std::min(at_, text_.size()), 4);
      if (escape != 'u' || digits.size() != 4 ||
          std::from_chars(digits.data(), digits.data() + 4, code, 16).ptr != digits.data() + 4 || code >= 0x20)
        give_up("params.json: not canonical JSON");
      out.push_back(static_cast<char>(code));
      at_ += 4;
    }
    ++at_;
    return out;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::map<std::string, std::string> values_;
};

}  // namespace adapter_program
