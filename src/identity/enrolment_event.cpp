#include "identity/enrolment_event.hpp"

namespace forgepool::identity {
namespace {

json::Array list_of(const std::vector<std::string>& names) {
  return {names.begin(), names.end()};
}

}  // namespace

json::Value attested_to_json(const SchedulerAgent& agent) {
  return json::Object{{"adapters", list_of(agent.adapters)},
                      {"data_classes", list_of(agent.data_classes)},
                      {"network", agent.network},
                      {"numeric_class", agent.numeric_class},
                      {"operator", agent.operator_id},
                      {"organization", agent.organization.str()},
                      {"region", agent.region},
                      {"tier", agent.tier}};
}

SchedulerAgent read_attested(json::ObjectReader& outer) {
  SchedulerAgent agent;
  const auto* value = outer.object("attested");
  if (!value) return agent;
  json::ObjectReader reader(*value, outer.pointer("attested"));
  agent.adapters = reader.strings("adapters", max_attested_names, 260);
  agent.data_classes = reader.strings("data_classes", max_attested_names, 128);
  agent.network = reader.string("network", 128);
  agent.numeric_class = reader.string("numeric_class", 128);
  agent.operator_id = reader.string("operator", 128);
  agent.organization = OrganizationId(reader.string("organization", 255));
  agent.region = reader.string("region", 128);
  agent.tier = reader.string("tier", 16);
  if (const auto done = reader.finish(); !done) outer.refuse(done.error());
  return agent;
}

std::string write_enrolment_event(const SchedulerAgent& agent, const Digest& key_pin) {
  return json::canonicalize(
      json::Object{{"agent", agent.id.str()}, {"attested", attested_to_json(agent)}, {"key_pin", key_pin.str()}});
}

EnrolmentEvent read_enrolment_event(json::ObjectReader& reader) {
  const std::string id = reader.id("agent");
  EnrolmentEvent event{read_attested(reader), reader.digest("key_pin")};
  event.agent.id = AgentId(id);
  return event;
}

std::string write_renewal_event(const AgentId& agent, const Digest& key_pin, ByteView serial, Time expires_at) {
  return json::canonicalize(json::Object{
      {"agent", agent.str()}, {"expires_at", to_rfc3339(expires_at)}, {"key_pin", key_pin.str()}, {"serial", to_hex(serial)}});
}

}  // namespace forgepool::identity
