#include "faults.hpp"

#include <algorithm>
#include <charconv>
#include <mutex>
#include <optional>

namespace forgepool_agent {
namespace {

using namespace forgepool;

class Misbehaving : public Sandbox {
 public:
  explicit Misbehaving(std::unique_ptr<Sandbox> sandbox) : sandbox_(std::move(sandbox)) {}
  std::string_view name() const override { return sandbox_->name(); }
  SandboxLevel level() const override { return sandbox_->level(); }
  std::vector<SandboxLimitation> limitations() const override { return sandbox_->limitations(); }
  std::uint32_t world() const override { return sandbox_->world(); }

 protected:
  const std::unique_ptr<Sandbox> sandbox_;
};

/// Changes the last digit in every output: still well-formed for an adapter whose outputs hold numbers, and wrong.
class CorruptResult final : public Misbehaving {
 public:
  using Misbehaving::Misbehaving;
  SandboxReport run(const SandboxRequest& request) override {
    auto report = sandbox_->run(request);
    for (auto& [name, output] : report.outputs) corrupt(output);
    return report;
  }

 private:
  /// A multi-digit whole number somewhere in the middle of a JSON text loses its last digit's truth.
  static void corrupt(Bytes& output) {
    const auto text = as_text(output);
    if (const auto at = text.find("\"sum\":\""); at != std::string_view::npos) {
      const auto end = text.find('"', at + 7);
      if (end != std::string_view::npos && end > at + 7) {
        auto& digit = output[end - 1];
        digit = digit == '0' ? '1' : static_cast<std::uint8_t>(digit - 1);
        return;
      }
    }
    if (!output.empty()) output.back() ^= 1;
  }
};

/// As if the machine had gone wrong in the middle of the work: of outputs with digests of steps, the second half is another.
class WrongStep final : public Misbehaving {
 public:
  using Misbehaving::Misbehaving;
  SandboxReport run(const SandboxRequest& request) override {
    auto report = sandbox_->run(request);
    for (auto& [name, output] : report.outputs) {
      std::vector<std::size_t> steps;
      for (auto at = as_text(output).find("\"sha256:"); at != std::string_view::npos;
           at = as_text(output).find("\"sha256:", at + 1))
        steps.push_back(at + 8);
      for (std::size_t i = steps.size() / 2; i < steps.size(); ++i) output[steps[i]] = output[steps[i]] == '0' ? '1' : '0';
    }
    return report;
  }
};

/// Computes a little otherwise than others: in tables of numbers (base64, "x value" per item) the last digit is another.
class RoundsDifferently final : public Misbehaving {
 public:
  using Misbehaving::Misbehaving;
  SandboxReport run(const SandboxRequest& request) override {
    auto report = sandbox_->run(request);
    constexpr std::string_view member = "\"stdout\":\"";
    for (auto& [name, output] : report.outputs) {
      std::string text = to_text(output);
      for (auto at = text.find(member); at != std::string::npos; at = text.find(member, at)) {
        at += member.size();
        const auto end = text.find('"', at);
        auto line = from_base64(text.substr(at, end - at));
        if (!line || line->size() < 2) continue;
        auto& digit = (*line)[line->size() - 2];
        digit = digit == '9' ? '8' : static_cast<std::uint8_t>(digit + 1);
        text.replace(at, end - at, to_base64(*line));
      }
      output = to_bytes(text);
    }
    return report;
  }
};

/// Computes something else than was asked, and computes it well: the first number among the arguments is an eighth larger.
class OtherArguments final : public Misbehaving {
 public:
  using Misbehaving::Misbehaving;
  SandboxReport run(const SandboxRequest& request) override {
    SandboxRequest other = request;
    for (auto& file : other.files)
      if (file.name == "params.json") file.content = std::make_shared<const Bytes>(changed(as_text(*file.content)));
    return sandbox_->run(other);
  }

 private:
  static Bytes changed(std::string_view params) {
    std::string text(params);
    const auto begin = text.find_first_of("123456789", std::min(text.find("\"args\":"), text.size()));
    if (begin == std::string::npos) return to_bytes(text);
    std::uint64_t number = 0;
    const char* const end = std::from_chars(text.data() + begin, text.data() + text.size(), number).ptr;
    text.replace(begin, static_cast<std::size_t>(end - text.data()) - begin, std::to_string(number + number / 8 + 1));
    return to_bytes(text);
  }
};

class LazyResult final : public Misbehaving {
 public:
  using Misbehaving::Misbehaving;
  SandboxReport run(const SandboxRequest& request) override {
    const std::lock_guard lock(mutex_);
    if (!first_) first_ = sandbox_->run(request);
    return *first_;
  }

 private:
  std::mutex mutex_;
  std::optional<SandboxReport> first_;
};

}  // namespace

Result<std::unique_ptr<Sandbox>> with_fault(std::unique_ptr<Sandbox> sandbox, const std::string& fault) {
  if (fault.empty()) return sandbox;
  if (fault == "corrupt-result") return std::make_unique<CorruptResult>(std::move(sandbox));
  if (fault == "lazy-result") return std::make_unique<LazyResult>(std::move(sandbox));
  if (fault == "wrong-step") return std::make_unique<WrongStep>(std::move(sandbox));
  if (fault == "rounds-differently") return std::make_unique<RoundsDifferently>(std::move(sandbox));
  if (fault == "other-arguments") return std::make_unique<OtherArguments>(std::move(sandbox));
  return fail(ErrorKind::invalid_input,
              "--fault: expected corrupt-result, lazy-result, wrong-step, rounds-differently or other-arguments, got \"" +
                  fault + "\"");
}

}  // namespace forgepool_agent
