#pragma once
/// Errors as values. A function that can fail returns `Result<T>`; no exception crosses a public boundary of this library.
/// What a *shard* did (its exit code, a limit it hit) is not an error but a value: see sandbox.hpp.
#include <forgepool/export.hpp>

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace forgepool {

/// Says what the caller may do about an error.
enum class ErrorKind {
  invalid_input,    ///< The caller's input is wrong: fix it. The message names the offending place and what was expected.
  not_found,        ///< No such job, shard, blob, file, …
  conflict,         ///< It clashes with what exists already (a second, different result; a used join token).
  unauthenticated,  ///< Who the peer is could not be established (certificate, token, pin).
  denied,           ///< The peer is known but may not do this.
  too_large,        ///< A size or count limit was exceeded. The message names the limit.
  unavailable,      ///< Try again later or elsewhere (peer gone, timeout, no capacity).
  unsupported,      ///< This machine or build cannot do it. The message says what is missing.
  corrupt,          ///< Stored or signed data fails its check. Never repaired silently.
  internal,         ///< A bug or a broken machine (disk full, out of memory).
};

/// The name of a kind as it is logged and sent: "invalid_input", …
FORGEPOOL_API std::string_view to_string(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;  ///< A sentence for a person: what was wrong, where, what was expected, what to do.

  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = tl::expected<T, Error>;

using Status = Result<void>;

/// `return fail(ErrorKind::not_found, "…")` from any function that returns a Result.
inline tl::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return tl::unexpected<Error>(Error{kind, std::move(message)});
}

/// Passes an error on to a caller that returns another Result.
inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace forgepool
