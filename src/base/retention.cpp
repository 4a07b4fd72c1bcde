#include <forgepool/retention.hpp>

#include <algorithm>
#include <array>

namespace forgepool {
namespace {

struct Kept {
  const char* name;
  std::uint64_t Retention::*time;
  std::optional<std::uint64_t> RetentionRequest::*asked;
};
constexpr std::array kept{Kept{"inputs_ms", &Retention::inputs_ms, &RetentionRequest::inputs_ms},
                          Kept{"results_ms", &Retention::results_ms, &RetentionRequest::results_ms},
                          Kept{"evidence_ms", &Retention::evidence_ms, &RetentionRequest::evidence_ms}};

}  // namespace

Result<Retention> resolve_retention(const RetentionRules& rules, std::string_view owner, std::string_view data_class,
                                    const RetentionRequest& request) {
  const auto project = rules.projects.find(owner);
  const auto of_class = rules.data_classes.find(data_class);
  Retention retention = project != rules.projects.end() ? project->second.standard : rules.hub.standard;
  for (const auto& [name, time, asked] : kept) {
    std::uint64_t most = rules.hub.most.*time;
    std::string whose = "this hub";
    const auto limit = [&](std::uint64_t other, std::string who) {
      if (other < most) most = other, whose = std::move(who);
    };
    if (project != rules.projects.end()) limit(project->second.most.*time, "this hub, for " + std::string(owner) + ",");
    if (of_class != rules.data_classes.end())
      limit(of_class->second.*time, "this hub, for data of the class " + std::string(data_class) + ",");
    if (const auto& wanted = request.*asked) {
      if (*wanted > most)
        return fail(ErrorKind::invalid_input, std::string("/policy/retention/") + name + ": " + whose + " keeps that " +
                                                  std::to_string(most) + " ms at most, got " + std::to_string(*wanted));
      retention.*time = *wanted;
    } else {
      retention.*time = std::min(retention.*time, most);
    }
  }
  for (const auto& [name, time, asked] : kept) {
    if (const auto& wanted = request.*asked; wanted && *wanted > retention.evidence_ms)
      return fail(ErrorKind::invalid_input, std::string("/policy/retention/") + name +
                                                ": nothing is kept longer than the evidence, which is kept " +
                                                std::to_string(retention.evidence_ms) + " ms");
    retention.*time = std::min(retention.*time, retention.evidence_ms);
  }
  return retention;
}

}  // namespace forgepool
