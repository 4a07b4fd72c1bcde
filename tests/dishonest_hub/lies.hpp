#pragma once
/// Lies by the one who holds the hub's keys. Each must be refused by its code, which is stable.
#include "attacks.hpp"

namespace forgepool::testing {

/// The error names the lie: "<where>: <code>: …".
inline void named(const Result<AuditReport>& report, std::string_view code) {
  refuses(report, ": " + std::string(code) + ": ");
}
inline void named(const Story& story, std::string_view code) {
  named(story.verify(), code);
}

/// A contract that includes nothing but these.
inline Story including(const json::Array& include) {
  return Story({{"verify", "full"}, {"replicas", 2}}, "tally.v1", {{"items", 5}},
               {{"artifacts", json::Object{{"include", include}}}});
}

}  // namespace forgepool::testing
