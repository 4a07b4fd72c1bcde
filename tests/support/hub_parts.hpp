#pragma once
/// Parts of hubs that a test keeps a hand on.
#include <forgepool/log.hpp>
#include <forgepool/testing/forwarding_ledger.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace forgepool::test {

template <class T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().message);
  return std::move(*result);
}

/// A hub owns its ledger; the test's outlives it, and can be looked into.
class LentLedger final : public testing::ForwardingLedger {
 public:
  /// `before_scan` is called at the beginning of each scan, on whatever thread that is.
  explicit LentLedger(std::shared_ptr<Ledger> inner, std::function<void()> before_scan = nullptr)
      : ForwardingLedger(std::move(inner)), before_scan_(std::move(before_scan)) {}

  Status scan(std::string_view prefix, const std::function<bool(std::string_view, ByteView)>& visit) const override {
    if (before_scan_) before_scan_();
    return ForwardingLedger::scan(prefix, visit);
  }

 private:
  const std::function<void()> before_scan_;
};

/// Keeps every record as one line of text.
class LineLog final : public LogSink {
 public:
  void write(LogLevel level, std::string_view event, const std::vector<LogField>& fields) override {
    if (next) next->write(level, event, fields);
    std::string line(event);
    for (const auto& field : fields) line += " " + std::string(field.key) + "=" + field.value;
    lines.push_back(std::move(line));
  }
  bool has(std::string_view event) const {
    return std::ranges::any_of(lines, [&](const std::string& line) { return line.find(event) != std::string::npos; });
  }
  std::vector<std::string> lines;
  std::shared_ptr<LogSink> next;  ///< Gets everything, too, if it is set.
};

}  // namespace forgepool::test
