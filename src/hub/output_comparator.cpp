#include "hub/output_comparator.hpp"

namespace forgepool::hub {
namespace {

class OutputComparator final : public AnswerComparator {
 public:
  explicit OutputComparator(const Job& job) : job_(job) {}

  bool agree(const Digest& a, const Digest& b) const override {
    // The verifier asks again whenever another answer comes, and reading outputs takes time.
    const auto [known, unknown] = agreed_.try_emplace(std::minmax(a, b), false);
    if (unknown) {
      const auto *x = output(a), *y = output(b);
      known->second = x && y && job_.adapter->agree(job_.contract, *x, *y);
    }
    return known->second;
  }

  std::optional<std::uint64_t> first_divergence(const Digest& a, const Digest& b) const override {
    const auto *x = output(a), *y = output(b);
    return x && y ? job_.adapter->first_divergence(job_.contract, *x, *y) : std::nullopt;
  }

 private:
  const Bytes* output(const Digest& digest) const {
    const auto found = job_.running->outputs.find(digest);
    return found == job_.running->outputs.end() ? nullptr : found->second.get();
  }

  const Job& job_;
  mutable std::map<std::pair<Digest, Digest>, bool> agreed_;
};

}  // namespace

std::shared_ptr<const AnswerComparator> make_comparator(const Job& job) {
  return std::make_shared<OutputComparator>(job);
}

}  // namespace forgepool::hub
