#pragma once
/// How a check speaks: what passed goes into the report in the order of checking, what failed is an error that says where.
#include <forgepool/audit.hpp>

namespace forgepool::audit {

/// `corrupt`: "<where>: <what>". `where` is the JSON pointer of the part of the bundle, or of a part with a name
/// ("checkpoint").
inline tl::unexpected<Error> refute(std::string_view where, std::string_view what) {
  return fail(ErrorKind::corrupt, std::string(where) + ": " + std::string(what));
}
inline tl::unexpected<Error> refute(std::string_view where, const Error& error) {
  return refute(where, error.message);
}

/// The same for what only somebody who wants to deceive does: `code` is stable, for tests and for machines.
inline tl::unexpected<Error> refute(std::string_view where, std::string_view code, std::string_view what) {
  return refute(where, std::string(code) + ": " + std::string(what));
}

/// What passed so far, and what could not be looked at.
class Trail {
 public:
  void passed(std::string name, std::string detail = "") { checks_.push_back({std::move(name), std::move(detail)}); }
  void unchecked(std::string name, std::string why) { unchecked_.push_back({std::move(name), std::move(why)}); }
  std::vector<AuditCheck> take() { return std::move(checks_); }
  std::vector<AuditCheck> take_unchecked() { return std::move(unchecked_); }

 private:
  std::vector<AuditCheck> checks_, unchecked_;
};

}  // namespace forgepool::audit
