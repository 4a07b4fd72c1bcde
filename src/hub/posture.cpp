/// What a hub says of its own configuration.
#include "hub/hub_core.hpp"
#include "wire/json.hpp"

#include <algorithm>

namespace forgepool::hub {
namespace {

constexpr std::size_t max_manifest_bytes = 1u << 20;

void add_data_classes(const AdapterPackage& adapter, std::set<std::string>& classes) {
  const auto manifest = json::parse(adapter.manifest(), max_manifest_bytes);
  const auto* root = manifest ? manifest->as_object() : nullptr;
  const auto* profiles = root ? root->find("profiles") : nullptr;
  if (!profiles || !profiles->as_object()) return;
  for (const auto& [name, profile] : *profiles->as_object()) {
    const auto* listed = profile.as_object() ? profile.as_object()->find("data_classes") : nullptr;
    if (!listed || !listed->as_array()) continue;
    for (const auto& one : *listed->as_array())
      if (one.as_string()) classes.insert(*one.as_string());
  }
}

json::Array array_of(const std::set<std::string>& names) {
  return json::Array(names.begin(), names.end());
}

}  // namespace

std::string HubCore::posture() const {
  std::set<std::string> adapter_classes;
  for (const auto& adapter : parts_.adapters) add_data_classes(*adapter, adapter_classes);
  std::map<std::string, std::set<std::string>> clearances;
  for (const auto& [id, agent] : agents_)
    if (agent.quarantined.empty())
      for (const auto& name : agent.agent.data_classes) clearances[name].insert(agent.agent.tier);
  json::Array cleared;
  for (const auto& [name, tiers] : clearances)
    cleared.push_back(json::Object{{"data_class", name}, {"tiers", array_of(tiers)}});
  const HubOptions& options = parts_.options;
  const Retention& standard = options.retention.hub.standard;
  return json::canonicalize(json::Object{{"adapter_data_classes", array_of(adapter_classes)},
                                         {"audit_log", options.keeps_audit_log},
                                         {"clearances", std::move(cleared)},
                                         {"deployment", options.deployment.profile},
                                         {"key_store", parts_.identity.store ? parts_.identity.store->name() : "memory"},
                                         {"private_hub", options.deployment.private_hub},
                                         {"region", options.region},
                                         {"retention", json::Object{{"evidence_ms", standard.evidence_ms},
                                                                    {"inputs_ms", standard.inputs_ms},
                                                                    {"results_ms", standard.results_ms}}},
                                         {"witnesses", !options.witness_policy.empty()}});
}

}  // namespace forgepool::hub
