#include "audit/html.hpp"

namespace forgepool::audit {
namespace {

/// The length of a bidirectional control at the start of `text` (U+061C, U+200E, U+200F, U+202A … U+202E, U+2066 … U+2069); 0.
std::size_t bidirectional_control(std::string_view text) {
  if (text.starts_with("\xd8\x9c")) return 2;
  if (text.size() < 3 || text[0] != '\xe2') return 0;
  const auto second = static_cast<unsigned char>(text[1]), third = static_cast<unsigned char>(text[2]);
  const bool marks = second == 0x80 && (third == 0x8e || third == 0x8f || (third >= 0xaa && third <= 0xae));
  const bool isolates = second == 0x81 && third >= 0xa6 && third <= 0xa9;
  return marks || isolates ? 3 : 0;
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    switch (c) {
      case '&': escaped += "&amp;"; continue;
      case '<': escaped += "&lt;"; continue;
      case '>': escaped += "&gt;"; continue;
      case '"': escaped += "&quot;"; continue;
      case '\'': escaped += "&#39;"; continue;
      default: break;
    }
    if (const std::size_t length = bidirectional_control(text.substr(i))) {
      escaped += "\xef\xbf\xbd";
      i += length - 1;
    } else if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
      escaped += "\xef\xbf\xbd";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

void Markup::start(std::string_view element, const Attributes& attributes, std::string_view end) {
  out_ += '<';
  out_ += element;
  for (const auto& [name, value] : attributes) {
    out_ += ' ';
    out_ += name;
    out_ += "=\"" + escape_html(value) + '"';
  }
  out_ += end;
}

Markup& Markup::open(std::string_view element, const Attributes& attributes) {
  start(element, attributes, ">");
  open_.emplace_back(element);
  return *this;
}

Markup& Markup::close() {
  out_ += "</" + open_.back() + ">\n";
  open_.pop_back();
  return *this;
}

Markup& Markup::element(std::string_view element, std::string_view text, const Attributes& attributes) {
  start(element, attributes, ">");
  out_ += escape_html(text) + "</";
  out_ += element;
  out_ += ">\n";
  return *this;
}

Markup& Markup::empty(std::string_view element, const Attributes& attributes) {
  start(element, attributes, "/>\n");
  return *this;
}

Markup& Markup::text(std::string_view text) {
  out_ += escape_html(text);
  return *this;
}

Markup& Markup::raw(std::string_view markup) {
  out_ += markup;
  return *this;
}

std::string Markup::finish() {
  while (!open_.empty()) close();
  return std::move(out_);
}

}  // namespace forgepool::audit
