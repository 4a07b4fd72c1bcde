#pragma once
/// Lies that are signed all over: each is told by a hub that holds its keys, or by agents that hold theirs, and must be found
/// by what it says. The fragment is what the auditor is told.
#include "story.hpp"

#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <string_view>

namespace forgepool::testing {

inline void refuses(const Result<AuditReport>& report, std::string_view fragment) {
  REQUIRE_FALSE(report);
  INFO(report.error().message);
  INFO("expected: " << fragment);
  CHECK(report.error().kind == ErrorKind::corrupt);
  CHECK(report.error().message.find(fragment) != std::string::npos);
}
inline void refuses(const Story& story, std::string_view fragment) {
  refuses(story.verify(), fragment);
}

/// The honest bundle, changed by the hub and signed again.
inline void refuses_changed(const Story& story, std::string_view fragment, const std::function<void(wire::Bundle&)>& change) {
  wire::Bundle bundle = story.bundle();
  change(bundle);
  refuses(verify_bundle(story.sign(bundle), story.root()), fragment);
}

inline Story honest() {
  Story story;
  story.tell();
  return story;
}

}  // namespace forgepool::testing
