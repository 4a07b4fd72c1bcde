#pragma once
/// Markup in which foreign text cannot become markup: all text and every attribute is escaped, on one way in.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace forgepool::audit {

/// As element text and as an attribute in double quotes. Control characters, and those by which text could show in another
/// order than it is read (Unicode's bidirectional controls), become visible replacements.
std::string escape_html(std::string_view text);

using Attributes = std::vector<std::pair<std::string_view, std::string>>;

/// Writes elements one after the other; those that were opened are closed in the reverse order.
class Markup {
 public:
  Markup& open(std::string_view element, const Attributes& attributes = {});
  Markup& close();
  /// <element …>text</element>
  Markup& element(std::string_view element, std::string_view text, const Attributes& attributes = {});
  /// One without content or end: <meta …>; of SVG, <rect …/>.
  Markup& empty(std::string_view element, const Attributes& attributes = {});
  Markup& text(std::string_view text);
  /// What this library wrote itself.
  Markup& raw(std::string_view markup);
  /// Closes what is open.
  std::string finish();

 private:
  void start(std::string_view element, const Attributes& attributes, std::string_view end);
  std::string out_;
  std::vector<std::string> open_;
};

}  // namespace forgepool::audit
