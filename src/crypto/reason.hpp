#pragma once
/// Refusals that machines tell apart: the message of such an error begins with a stable snake_case code and ": ". Logs,
/// metrics, tests and `explain` use the code; people read the rest.
#include <forgepool/result.hpp>

#include <string>
#include <string_view>

namespace forgepool {

inline tl::unexpected<Error> refuse(ErrorKind kind, std::string_view code, std::string_view message) {
  std::string text(code);
  text += ": ";
  text += message;
  return fail(kind, std::move(text));
}

/// The code of an error made by `refuse`; empty for other errors.
inline std::string_view reason_code(const Error& error) {
  const std::string_view message = error.message;
  const auto end = message.find(": ");
  if (end == message.npos || message.substr(0, end).find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != message.npos)
    return {};
  return message.substr(0, end);
}

}  // namespace forgepool
