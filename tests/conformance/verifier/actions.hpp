#pragma once
/// Verifier actions as text, so that tests can compare and print them.
#include <forgepool/verifier.hpp>

#include <string>
#include <vector>

namespace forgepool::testing {

/// A digest that stands for the letter in tests.
inline Digest result(char letter) {
  Digest digest;
  digest.bytes.fill(static_cast<std::uint8_t>(letter));
  return digest;
}
/// The letter of a digest made by `result`.
inline char letter(const Digest& digest) {
  return static_cast<char>(digest.bytes[0]);
}

inline std::string describe(const VerifierAction& action) {
  struct Describer {
    std::string operator()(const Execute& execute) const {
      return "execute " + to_string(execute.shard) + " x" + std::to_string(execute.count);
    }
    std::string operator()(const ShardVerdict& verdict) const {
      const bool decided = verdict.decision != Decision::undecided;
      std::string text = !decided ? "undecided " : verdict.decision == Decision::failed ? "fail " : "accept ";
      text += to_string(verdict.shard);
      if (decided) text += std::string(" ") + letter(verdict.result);
      text += " [";
      for (const auto& answer : verdict.evidence) text += answer.agent.str() + "=" + letter(answer.result) + " ";
      if (text.back() == ' ') text.pop_back();
      return text + "] " + verdict.rule;
    }
    std::string operator()(const Quarantine& quarantine) const {
      return "quarantine " + quarantine.agent.str() + " at " + to_string(quarantine.shard) + " " + letter(quarantine.returned) +
             "!=" + letter(quarantine.accepted);
    }
    std::string operator()(const Discredit& discredit) const {
      return "discredit " + discredit.agent.str() + " at " + to_string(discredit.shard) + " " + letter(discredit.returned) +
             "!=" + letter(discredit.accepted) + ", " + std::to_string(discredit.refuted);
    }
    std::string operator()(const Canary& canary) const { return "canary for " + canary.job.str(); }
  };
  return std::visit(Describer(), action);
}

inline std::vector<std::string> describe(const std::vector<VerifierAction>& actions) {
  std::vector<std::string> lines;
  for (const auto& action : actions) lines.push_back(describe(action));
  return lines;
}

}  // namespace forgepool::testing
