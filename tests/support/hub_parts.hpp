#pragma once
/// Parts of hubs that a test keeps a hand on.
#include <forgepool/ledger.hpp>
#include <forgepool/log.hpp>

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
class LentLedger final : public Ledger {
 public:
  /// `before_scan` is called at the beginning of each scan, on whatever thread that is.
  explicit LentLedger(std::shared_ptr<Ledger> inner, std::function<void()> before_scan = nullptr)
      : inner_(std::move(inner)), before_scan_(std::move(before_scan)) {}
  const std::string& origin() const override { return inner_->origin(); }
  const PublicKey& key() const override { return inner_->key(); }
  Status use_keys(std::shared_ptr<Signer> key, std::vector<std::shared_ptr<Signer>> earlier) override {
    return inner_->use_keys(std::move(key), std::move(earlier));
  }
  Result<LedgerHead> commit(const LedgerBatch& batch) override { return inner_->commit(batch); }
  Status scrub() override { return inner_->scrub(); }
  LedgerHead head() const override { return inner_->head(); }
  Result<std::string> checkpoint() override { return inner_->checkpoint(); }
  Result<Bytes> leaf(std::uint64_t index) const override { return inner_->leaf(index); }
  Result<Bytes> hash_tile(unsigned level, std::uint64_t index, std::size_t width) const override {
    return inner_->hash_tile(level, index, width);
  }
  Result<MerklePath> prove_inclusion(std::uint64_t index, std::uint64_t size) const override {
    return inner_->prove_inclusion(index, size);
  }
  Result<MerklePath> prove_consistency(std::uint64_t old_size, std::uint64_t size) const override {
    return inner_->prove_consistency(old_size, size);
  }
  Result<std::optional<Bytes>> read(std::string_view key) const override { return inner_->read(key); }
  Status scan(std::string_view prefix, const std::function<bool(std::string_view, ByteView)>& visit) const override {
    if (before_scan_) before_scan_();
    return inner_->scan(prefix, visit);
  }

 private:
  const std::shared_ptr<Ledger> inner_;
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
