#pragma once
/// A ledger that is another one, for those that change a little of it: override that, the rest is passed on.
#include <forgepool/ledger.hpp>

#include <utility>

namespace forgepool::testing {

class FORGEPOOL_API ForwardingLedger : public Ledger {
 public:
  explicit ForwardingLedger(std::shared_ptr<Ledger> inner) : inner_(std::move(inner)) {}

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
  Result<std::vector<Bytes>> leaves(std::uint64_t first, std::size_t count) const override {
    return inner_->leaves(first, count);
  }
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
  Status scan(std::string_view prefix, const std::function<bool(std::string_view key, ByteView value)>& visit) const override {
    return inner_->scan(prefix, visit);
  }

 private:
  const std::shared_ptr<Ledger> inner_;
};

}  // namespace forgepool::testing
