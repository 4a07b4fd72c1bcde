#include <bit>
#include <charconv>
#include <cmath>

#include "adapter/comparison.hpp"

namespace forgepool::adapter {
namespace {

constexpr std::string_view separators = " \t\r,;";

/// Takes the next line off; nothing at the end.
std::optional<std::string_view> take_line(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return line;
}

/// Takes the next field off, and the separators before it; nothing at the end.
std::optional<std::string_view> take_field(std::string_view& line) {
  const auto begin = line.find_first_not_of(separators);
  if (begin == line.npos) return std::nullopt;
  const auto end = std::min(line.find_first_of(separators, begin), line.size());
  const auto field = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return field;
}

std::optional<double> number(std::string_view field) {
  double value = 0;
  if (field.starts_with('+')) field.remove_prefix(1);
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

bool fields_agree(std::string_view a, std::string_view b, const std::optional<Tolerance>& tolerance) {
  if (a == b) return true;
  if (!tolerance) return false;
  const auto x = number(a), y = number(b);
  return x && y && numbers_agree(*x, *y, *tolerance);
}

}  // namespace

std::uint64_t ulps_between(double a, double b) {
  // Doubles of one sign are ordered like the integers that their bits are.
  const auto place = [](double value) {
    const auto bits = std::bit_cast<std::int64_t>(value);
    return bits < 0 ? std::numeric_limits<std::int64_t>::min() - bits : bits;
  };
  const std::int64_t x = place(a), y = place(b);
  return x < y ? static_cast<std::uint64_t>(y) - static_cast<std::uint64_t>(x)
               : static_cast<std::uint64_t>(x) - static_cast<std::uint64_t>(y);
}

bool numbers_agree(double a, double b, const Tolerance& tolerance) {
  const double apart = std::abs(a - b);
  return a == b || apart <= tolerance.absolute || apart <= tolerance.relative * std::max(std::abs(a), std::abs(b)) ||
         (tolerance.ulps > 0 && ulps_between(a, b) <= tolerance.ulps);
}

bool texts_agree(std::string_view a, std::string_view b, const std::vector<std::optional<Tolerance>>& columns) {
  if (a == b) return true;
  while (true) {
    auto line_a = take_line(a), line_b = take_line(b);
    if (line_a.has_value() != line_b.has_value()) return false;
    if (!line_a) return true;
    for (std::size_t column = 0;; ++column) {
      const auto field_a = take_field(*line_a), field_b = take_field(*line_b);
      if (field_a.has_value() != field_b.has_value()) return false;
      if (!field_a) break;
      if (!fields_agree(*field_a, *field_b, column < columns.size() ? columns[column] : std::nullopt)) return false;
    }
  }
}

}  // namespace forgepool::adapter
